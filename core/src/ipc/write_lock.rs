//! The turn to write: processes that write to one database take it before SQLite's own lock, so that each comes to it.
//!
//! Two files in the folder are locked. Who wants to write first becomes the next, and only the next waits for the turn:
//! whoever has just written cannot overtake. Locks are tried and never waited for in the kernel, which knows no end to it: a
//! process that is stopped while it has the turn keeps the others for a second, and then no more than SQLite lets it.
//! Nothing depends on the turn but fairness, so that without the folder it is as if everybody had it.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The files behind the turn, not locked.
pub(crate) struct FairWriteLock {
    next: File,
    turn: File,
}

/// The turn. It is over when this is dropped.
pub(crate) struct FairWriteGuard<'a>(Option<&'a File>);

impl FairWriteLock {
    pub(super) fn new(next: File, turn: File) -> Self {
        Self { next, turn }
    }

    /// Whether somebody has removed them: the others use other ones, then.
    pub(crate) fn are_removed(&self) -> bool {
        [&self.next, &self.turn].into_iter().any(|file| file.metadata().is_ok_and(|found| found.nlink() == 0))
    }

    /// Takes the turn. Waits as often as `wait` says, called with the number of waits before; without the turn where that
    /// was in vain.
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
        // Unlocked and not closed: another process may have inherited the file and not yet closed it.
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
    fn one_has_the_turn_and_the_others_go_without_it_in_the_end() {
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
    fn files_that_were_removed_are_known_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        assert!(!files.are_removed());
        std::fs::remove_file(folder.path().join("turn")).unwrap();
        assert!(files.are_removed());
    }
}
