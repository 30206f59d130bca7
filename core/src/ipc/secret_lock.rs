//! Which secret the processes of a machine use a database with: a file with the tag of the secret, which each of
//! them locks shared. Processes with different secrets could not open what the other has sealed.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::SegmentError;
use crate::deadline;

/// How long to wait at most for processes that hold the lock only for a moment.
const MAX_WAIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// A tag that identifies a secret and reveals nothing about it.
pub(crate) type SecretTag = [u8; 16];

/// Locks `file` shared, with `tag` in it. Returns false if processes with another secret have it locked.
pub(super) fn hold(file: &File, tag: &SecretTag) -> Result<bool, SegmentError> {
    let mut waited = Duration::ZERO;
    loop {
        if try_lock(file, FlockOperation::NonBlockingLockShared)? && tag_in(file)?.as_ref() == Some(tag) {
            return Ok(true);
        }
        if try_lock(file, FlockOperation::NonBlockingLockExclusive)? {
            // No process uses another secret, but one may start before the lock is shared, so the tag is read
            // again.
            file.write_all_at(tag, 0)?;
            continue;
        }
        if waited >= MAX_WAIT {
            return Ok(false);
        }
        deadline::pause_for(PAUSE)?;
        waited += PAUSE;
    }
}

/// The tag of the secret that other processes use now, if any. `file` must not be locked yet.
pub(super) fn in_use(file: &File) -> io::Result<Option<SecretTag>> {
    if try_lock(file, FlockOperation::NonBlockingLockExclusive)? {
        flock(file, FlockOperation::Unlock)?;
        return Ok(None);
    }
    tag_in(file)
}

fn try_lock(file: &File, lock: FlockOperation) -> io::Result<bool> {
    match flock(file, lock) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn tag_in(file: &File) -> io::Result<Option<SecretTag>> {
    let mut tag = SecretTag::default();
    match file.read_exact_at(&mut tag, 0) {
        Ok(()) => Ok(Some(tag)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: SecretTag = [1; 16];
    const THEIRS: SecretTag = [2; 16];

    #[test]
    fn another_secret_is_accepted_only_when_no_process_uses_the_previous_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        // Each handle has separate locks, as another process would have.
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let holds = |file: &File, tag| deadline::call(|| hold(file, tag)).unwrap();
        let (first, second, other) = (open(), open(), open());
        assert_eq!(in_use(&other).unwrap(), None);
        assert!(holds(&first, &OURS) && holds(&second, &OURS));
        assert_eq!(in_use(&other).unwrap(), Some(OURS));
        drop(first);
        assert!(!holds(&other, &THEIRS));
        drop(second);
        assert!(holds(&other, &THEIRS));
        assert!(!holds(&open(), &OURS));
    }
}
