//! Errors of the shared files next to a database, with messages that say what an operator has to change.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::deadline::GaveUp;
use crate::error::GatekeeperError;

#[derive(Debug)]
pub(super) enum SegmentError {
    Io(io::Error),
    Other(GatekeeperError),
    /// The folder is on this file system, which other machines may use too.
    Remote(&'static str),
    /// Another copy of this library has the database open in this process.
    SecondCopy,
    /// Processes that cannot share locks with this one have the folder open.
    OtherContainer,
    /// The call has reached its deadline.
    GaveUp,
    /// Other processes keep the segment locked: those of another version, as long as they run.
    InUse,
    /// Other processes use the database with another secret.
    OtherSecret,
}

impl From<io::Error> for SegmentError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<GaveUp> for SegmentError {
    fn from(_: GaveUp) -> Self {
        Self::GaveUp
    }
}

impl From<GatekeeperError> for SegmentError {
    fn from(error: GatekeeperError) -> Self {
        Self::Other(error)
    }
}

impl SegmentError {
    pub(super) fn explain(self, folder: &Path) -> GatekeeperError {
        let location = format!("\"{}\"", folder.display());
        let message = match &self {
            Self::Remote(name) => format!(
                "{location} is on a file system that other machines may use too ({name}), but memory can only be shared on one machine: move the database to a local disk"
            ),
            Self::SecondCopy => format!(
                "{location} is already open in this process, by another copy of gatekeeper-native: load only one copy"
            ),
            Self::OtherContainer => format!(
                "{location} is in use by another container: run the processes in one container, or let them share a process namespace"
            ),
            Self::InUse => format!(
                "{location} is locked by processes that cannot share counters with this one, such as those of another version: upgrade and restart all of them"
            ),
            Self::OtherSecret => format!(
                "{location} is in use by processes with another secret: give every process of the database the same GATEKEEPER_SECRET, or the same secret file. To change it, stop all of them first"
            ),
            Self::Io(error) => advice(error.kind(), &location),
            Self::Other(_) | Self::GaveUp => String::new(),
        };
        match self {
            Self::Other(error) => error,
            Self::GaveUp => GaveUp::explain(&location, "process"),
            Self::Io(error) => GatekeeperError::unavailable(message).caused_by(error),
            _ => GatekeeperError::unavailable(message),
        }
    }
}

fn advice(kind: ErrorKind, location: &str) -> String {
    match kind {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => format!(
            "{location}, with the counters that the processes of this machine share, cannot be written: give this user write access to it, to the database, and to the folder of both"
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("the disk that holds {location} is full: free some space")
        }
        _ => format!("{location} cannot be used now: see the cause of this error"),
    }
}
