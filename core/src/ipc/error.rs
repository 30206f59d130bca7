//! Why the folder beside a database cannot be used, told so that an operator knows what to change.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::deadline::GaveUp;
use crate::error::GatekeeperError;

#[derive(Debug)]
pub(super) enum SegmentError {
    Io(io::Error),
    Other(GatekeeperError),
    /// On a file system that other machines may use, too: which one.
    Remote(&'static str),
    /// Another copy of this library has it open in this process.
    SecondCopy,
    /// Processes that cannot share locks with this one have it open.
    OtherContainer,
    /// The call has waited for as long as it may.
    GaveUp,
    /// Others keep it locked: those of another version, for as long as they run.
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
                "{location} is on a file system that other machines may use too ({name}), which cannot share memory with them: put the database on a local disk"
            ),
            Self::SecondCopy => format!(
                "{location} is open in this process already, by another copy of gatekeeper-native: load one copy"
            ),
            Self::OtherContainer => format!(
                "{location} is in use by another container: run the processes in one, or let them share a process namespace"
            ),
            Self::InUse => format!(
                "{location} is locked by processes that cannot count together with this one, as those of another version: upgrade and restart all of them"
            ),
            Self::OtherSecret => format!(
                "{location} is in use by processes with another secret: give every process of the database the same GATEKEEPER_SECRET, or the same secret file; to change it, stop all of them first"
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
            "{location}, in which the processes of this machine count together, cannot be written: let this user write to it, to the database, and to the folder that holds both"
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("the disk that holds {location} is full: make room")
        }
        _ => format!("{location} cannot be used now: see the cause of this error"),
    }
}
