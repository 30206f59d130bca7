//! A fair queue of writers: the processes that write to one database acquire it before SQLite's own lock, so that
//! none is starved.
//!
//! Two files in the folder are locked. A process that wants to write locks the first file to become the next
//! writer, and only the next writer waits for the second file, the turn: a process that has just written cannot
//! overtake. Locks are polled, because a blocking lock has no timeout: a process that is stopped during its turn
//! delays the others by a second, and afterwards only as SQLite's lock does. Only fairness depends on this lock:
//! without the folder, every process writes at once.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The two files of the queue, not locked.
pub(crate) struct FairWriteLock {
    next: File,
    turn: File,
}

/// The turn to write. It ends when this is dropped.
pub(crate) struct FairWriteGuard<'a>(Option<&'a File>);

impl FairWriteLock {
    pub(super) fn new(next: File, turn: File) -> Self {
        Self { next, turn }
    }

    /// Whether the files were deleted: other processes use new ones then.
    pub(crate) fn are_removed(&self) -> bool {
        [&self.next, &self.turn].into_iter().any(|file| file.metadata().is_ok_and(|found| found.nlink() == 0))
    }

    /// Acquires the turn. Calls `wait` with the number of waits so far; if that returns false, the caller goes on
    /// without the turn.
    pub(crate) fn take(&self, mut wait: impl FnMut(i32) -> bool) -> FairWriteGuard<'_> {
        let mut waits = 0;
        let mut take = |file: &File| {
            loop {
                match flock(file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => return true,
                    Err(Errno::WOULDBLOCK) if wait(waits) => waits += 1,
                    Err(_) => return false,
                }
            }
        };
        let is_next = take(&self.next);
        let has_turn = is_next && take(&self.turn);
        if is_next {
            let _ = flock(&self.next, FlockOperation::Unlock);
        }
        FairWriteGuard(has_turn.then_some(&self.turn))
    }
}

impl Drop for FairWriteGuard<'_> {
    fn drop(&mut self) {
        // Unlock instead of close: another process may have inherited the file and not closed it yet.
        if let Some(file) = self.0 {
            let _ = flock(file, FlockOperation::Unlock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &std::path::Path) -> FairWriteLock {
        let open =
            |name| File::options().write(true).create(true).truncate(false).open(folder.join(name)).unwrap();
        FairWriteLock::new(open("next"), open("turn"))
    }

    #[test]
    fn one_process_has_the_turn_and_the_others_finally_go_on_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (files(folder.path()), files(folder.path()));
        let turn = ours.take(|_| false);
        assert!(turn.0.is_some());
        assert!(theirs.take(|waits| waits < 3).0.is_none());
        drop(turn);
        let turn = theirs.take(|_| false);
        assert!(turn.0.is_some() && ours.take(|_| false).0.is_none());
    }

    #[test]
    fn deleted_files_are_detected() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        assert!(!files.are_removed());
        std::fs::remove_file(folder.path().join("turn")).unwrap();
        assert!(files.are_removed());
    }
}
