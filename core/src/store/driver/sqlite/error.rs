//! Errors of SQLite and of the database file, with messages that say what an operator has to change.

use std::fmt;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::GatekeeperError;
use crate::store::driver::Failure;

/// An error of SQLite or of the database file.
#[derive(Debug)]
pub(crate) enum Error {
    Sql(rusqlite::Error),
    /// The schema is of a later version than this one.
    Newer {
        found: usize,
        known: usize,
    },
    /// The database belongs to another program.
    Foreign,
    /// The file system cannot hold a write-ahead log.
    NoWal,
    /// The open files are no longer those of the database.
    Moved,
    /// The file was open before, and is now missing or empty.
    Gone,
    /// The file does not exist, and must not be created.
    NotThere,
    /// The file has a second name, a hard link.
    Linked,
    /// The file is mounted by itself, without its folder.
    Mounted,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(error) => error.fmt(f),
            error => fmt::Debug::fmt(error, f),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Error::Sql(error).into()
    }
}

/// The error for the caller of a failure in the database at `path`, which is none in memory.
pub(super) fn explain(failure: Failure, path: Option<&Path>) -> GatekeeperError {
    let location =
        path.map_or_else(|| "the database in memory".to_owned(), |path| format!("\"{}\"", path.display()));
    failure.explain(&location, |error| error.explain(&location, path))
}

impl Error {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sql(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether another connection holds a lock.
    pub(in crate::store::driver) fn is_busy(&self) -> bool {
        self.code() == Some(ErrorCode::DatabaseBusy)
    }

    /// Whether another connection, or another statement of this one, holds a lock.
    pub(in crate::store::driver) fn is_locked(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the file is not a database that this version can read.
    pub(super) fn is_no_database(&self) -> bool {
        match self {
            Self::Foreign | Self::Newer { .. } => true,
            _ => matches!(self.code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)),
        }
    }

    fn explain(self, location: &str, path: Option<&Path>) -> GatekeeperError {
        GatekeeperError::unavailable(match self {
            Self::Sql(error) => {
                return GatekeeperError::unavailable(advice(&error, location, path)).caused_by(error);
            }
            Self::Newer { found, known } => format!(
                "{location} was written by a newer version (schema {found}, this version supports up to {known}): upgrade gatekeeper-native"
            ),
            Self::Foreign => {
                format!("{location} is a database of another program: choose another file for Gatekeeper")
            }
            Self::NoWal => {
                format!("{location} is on a file system without shared memory: put it on a local disk")
            }
            Self::Moved => format!(
                "{location} was removed, replaced or renamed while it was in use, and nothing was written: try again, or put it back"
            ),
            Self::Gone => format!(
                "{location} was removed, renamed or emptied while it was in use: put it back, or restore a backup. Only a newly started process creates a new file"
            ),
            Self::NotThere => format!(
                "{location} does not exist, and create is false: correct the path, or create the file with `gatekeeper init`"
            ),
            Self::Linked => format!(
                "{location} has a second name, a hard link: processes that use the other name would count and write separately. Remove one of the names (a symbolic link is fine)"
            ),
            Self::Mounted => format!(
                "{location} is mounted as a single file, without the files next to it: mount its folder instead"
            ),
        })
    }
}

fn advice(error: &rusqlite::Error, location: &str, path: Option<&Path>) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => cannot_open(location, path),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!("{location} is read-only: give this user write access to the file and its folder")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!(
                "{location} is not a database or is corrupt: restore it from a backup, or choose another file"
            )
        }
        Some(ErrorCode::DiskFull) => format!("the disk that holds {location} is full: free some space"),
        _ => format!("{location} cannot be used now: see the cause of this error"),
    }
}

fn cannot_open(location: &str, path: Option<&Path>) -> String {
    let folder = path.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    match (path, folder) {
        (Some(path), _) if path.is_dir() => format!("{location} is a folder: choose a file in it"),
        (_, Some(folder)) if !folder.exists() => {
            format!("{location} cannot be opened: its folder does not exist; create \"{}\"", folder.display())
        }
        _ => format!(
            "{location} cannot be opened: give this user read and write access to the file and its folder"
        ),
    }
}
