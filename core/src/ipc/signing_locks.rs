//! Which algorithms the processes of a machine sign tokens with: one file per algorithm, which a process that signs
//! with it keeps locked shared until it ends.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};

use super::folder::Folder;
use crate::deadline::TimedMutex;
use crate::fork::ForkGuards;

/// The files that this process keeps locked, by algorithm. They are informative only: if one cannot be locked,
/// tokens are signed anyway.
#[derive(Default)]
pub(super) struct SigningLocks(TimedMutex<Vec<(&'static str, File)>>);

impl SigningLocks {
    /// Records that this process signs with `algorithm`.
    pub(super) fn note(&self, folder: &Folder, algorithm: &'static str) {
        let Ok(mut held) = self.0.lock() else { return };
        if held.iter().any(|(name, _)| *name == algorithm) {
            return;
        }
        // A process that checks at this moment has the file locked; the next token records it.
        if let Ok(file) = folder.lock_file(&file_of(algorithm))
            && flock(&file, FlockOperation::NonBlockingLockShared).is_ok()
        {
            held.push((algorithm, file));
        }
    }

    pub(super) fn close(&self) {
        self.0.lock_to_close().clear();
    }

    /// Closes the files, for a fork.
    pub(super) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.0.quiesce(guards, Vec::clear);
    }
}

/// Whether any process signs with `algorithm`.
pub(super) fn is_used(folder: &Folder, algorithm: &str) -> bool {
    let file = folder.lock_file(&file_of(algorithm));
    file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
}

fn file_of(algorithm: &str) -> String {
    format!("signs-{algorithm}")
}
