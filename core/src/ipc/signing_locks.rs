//! Which algorithms the processes of a machine sign tokens with: a file for each one, which a process that signs with it
//! keeps locked shared until it ends.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};

use super::folder::Folder;
use crate::deadline::TimedMutex;
use crate::fork::ForkGuards;

/// The files that this process keeps locked, by algorithm. They only inform: where one cannot be locked, tokens are signed
/// all the same.
#[derive(Default)]
pub(super) struct SigningLocks(TimedMutex<Vec<(&'static str, File)>>);

impl SigningLocks {
    /// Notes that this process signs with `algorithm`.
    pub(super) fn note(&self, folder: &Folder, algorithm: &'static str) {
        let Ok(mut held) = self.0.lock() else { return };
        if held.iter().any(|(name, _)| *name == algorithm) {
            return;
        }
        // A process that looks at this moment has it locked: it is noted with the next token.
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

/// Whether a process signs with `algorithm`, this one or another.
pub(super) fn is_used(folder: &Folder, algorithm: &str) -> bool {
    let file = folder.lock_file(&file_of(algorithm));
    file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
}

fn file_of(algorithm: &str) -> String {
    format!("signs-{algorithm}")
}
