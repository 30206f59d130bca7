//! Errors of the store, with messages that say what an operator has to change.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::deadline::GaveUp;
use crate::error::GatekeeperError;

/// What usually keeps a database locked, for the message.
const HOLDER: &str = "transaction";

/// The reason why a statement or a transaction failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(rusqlite::Error),
    /// The call has reached its deadline.
    GaveUp,
    /// The transaction itself failed with this error, and was rolled back.
    Rejected(GatekeeperError),
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

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<GatekeeperError> for Failure {
    fn from(error: GatekeeperError) -> Self {
        Self::Rejected(error)
    }
}

impl From<GaveUp> for Failure {
    fn from(_: GaveUp) -> Self {
        Self::GaveUp
    }
}

impl Failure {
    /// Whether another connection holds a lock.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Self::GaveUp => true,
            Self::Sql(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy),
            _ => false,
        }
    }

    /// Whether the file is not a database that this version can read.
    pub(super) fn is_no_database(&self) -> bool {
        match self {
            Self::Foreign | Self::Newer { .. } => true,
            Self::Sql(error) => {
                matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
                )
            }
            _ => false,
        }
    }

    /// The error for the caller; `path` is none in memory.
    pub(super) fn explain(self, path: Option<&Path>) -> GatekeeperError {
        let location = path
            .map_or_else(|| "the database in memory".to_owned(), |path| format!("\"{}\"", path.display()));
        match self {
            Self::Rejected(error) => error,
            Self::GaveUp => GaveUp::explain(&location, HOLDER),
            Self::Newer { found, known } => GatekeeperError::unavailable(format!(
                "{location} was written by a newer version (schema {found}, this version supports up to {known}): upgrade gatekeeper-native"
            )),
            Self::Foreign => GatekeeperError::unavailable(format!(
                "{location} is a database of another program: choose another file for Gatekeeper"
            )),
            Self::NoWal => GatekeeperError::unavailable(format!(
                "{location} is on a file system without shared memory: put it on a local disk"
            )),
            Self::Moved => GatekeeperError::unavailable(format!(
                "{location} was removed, replaced or renamed while it was in use, and nothing was written: try again, or put it back"
            )),
            Self::Gone => GatekeeperError::unavailable(format!(
                "{location} was removed, renamed or emptied while it was in use: put it back, or restore a backup. Only a newly started process creates a new file"
            )),
            Self::NotThere => GatekeeperError::unavailable(format!(
                "{location} does not exist, and create is false: correct the path, or create the file with `gatekeeper init`"
            )),
            Self::Linked => GatekeeperError::unavailable(format!(
                "{location} has a second name, a hard link: processes that use the other name would count and write separately. Remove one of the names (a symbolic link is fine)"
            )),
            Self::Mounted => GatekeeperError::unavailable(format!(
                "{location} is mounted as a single file, without the files next to it: mount its folder instead"
            )),
            Self::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    GaveUp::explain(&location, HOLDER).caused_by(error)
                }
                _ => GatekeeperError::unavailable(advice(&error, &location, path)).caused_by(error),
            },
        }
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
