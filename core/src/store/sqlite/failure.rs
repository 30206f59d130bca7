//! What went wrong in the store, told so that an operator knows what to change.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::deadline::GaveUp;
use crate::error::GatekeeperError;

/// What keeps a database locked.
const HOLDER: &str = "transaction";

/// Why a statement or a transaction ended.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(rusqlite::Error),
    /// The call has waited for as long as it may.
    GaveUp,
    /// The transaction's own reason: it was rolled back.
    Rejected(GatekeeperError),
    /// The schema is of a later version than this one knows.
    Newer {
        found: usize,
        known: usize,
    },
    /// Somebody else's database.
    Foreign,
    /// The file system cannot hold a write-ahead log.
    NoWal,
    /// The files that are open are no longer those of the database.
    Moved,
    /// The file was open, and is no longer there, or empty.
    Gone,
    /// The file is not there, and is not to be made.
    NotThere,
    /// The file has a second name.
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

    /// Whether the file is no database that this version can read.
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
                "{location} was written by a newer version (schema {found}, this one knows {known}): upgrade gatekeeper-native"
            )),
            Self::Foreign => GatekeeperError::unavailable(format!(
                "{location} is a database of another program: give Gatekeeper a file of its own"
            )),
            Self::NoWal => GatekeeperError::unavailable(format!(
                "{location} is on a file system without shared memory: put it on a local disk"
            )),
            Self::Moved => GatekeeperError::unavailable(format!(
                "{location} was removed, replaced or renamed while it was in use, and nothing was written: try again, or put it back"
            )),
            Self::Gone => GatekeeperError::unavailable(format!(
                "{location} was removed, renamed or emptied while it was in use: put it back, or restore a backup in its place; only a process that has just started makes a new one"
            )),
            Self::NotThere => GatekeeperError::unavailable(format!(
                "{location} is not there, and create is false: name the right file, or make one with `gatekeeper init`"
            )),
            Self::Linked => GatekeeperError::unavailable(format!(
                "{location} has a second name, a hard link, beside which others would count and write apart: remove one of the names (a symbolic link is fine)"
            )),
            Self::Mounted => GatekeeperError::unavailable(format!(
                "{location} is mounted as a single file, without what lies beside it: mount the folder that holds it"
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
            format!("{location} is read-only: let this user write to the file and to its folder")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!(
                "{location} is not a database or is corrupt: restore it from a backup, or name another file"
            )
        }
        Some(ErrorCode::DiskFull) => format!("the disk that holds {location} is full: make room"),
        _ => format!("{location} cannot be used now: see the cause of this error"),
    }
}

fn cannot_open(location: &str, path: Option<&Path>) -> String {
    let folder = path.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    match (path, folder) {
        (Some(path), _) if path.is_dir() => format!("{location} is a folder: name a file in it"),
        (_, Some(folder)) if !folder.exists() => {
            format!("{location} cannot be opened: its folder does not exist; create \"{}\"", folder.display())
        }
        _ => format!("{location} cannot be opened: let this user read and write the file and its folder"),
    }
}
