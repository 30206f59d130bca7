//! An LMDB environment in one file, for state that the processes of a machine share. It never waits for the disk,
//! and grows as it fills.

#![allow(unsafe_code, reason = "LMDB maps its file into memory")]

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, Error, MdbError, RwTxn, WithoutTls};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::file_system::allocate;
use crate::deadline;

/// How many steps, about a second, another process may take to open or grow the file.
const LOCK_STEPS: i32 = 1800;

/// How long another thread may take to close the same file.
const CLOSING: Duration = Duration::from_secs(2);

pub(crate) type Slots = Database<'static, Bytes, Bytes>;

/// The open file. Its owner lets one thread at a time use it.
pub(crate) struct Environment {
    env: Env<WithoutTls>,
    slots: Slots,
}

impl Environment {
    /// Opens an existing file. At least `first_size` bytes are mapped and allocated on disk. A truncated or
    /// overwritten file is deleted.
    pub(crate) fn open(path: &Path, first_size: usize) -> heed::Result<Self> {
        match Self::open_whole(path, first_size) {
            Err(Error::Mdb(error)) if is_damage(error) => {
                fs::remove_file(path)?;
                Err(error.into())
            }
            opened => opened,
        }
    }

    fn open_whole(path: &Path, first_size: usize) -> heed::Result<Self> {
        let file = LockedFile::of(path)?;
        let (length, size) = (file.size()?, file.size()?.max(first_size));
        let env = match open(path, size) {
            Err(Error::EnvAlreadyOpened) => {
                if let Some(closing) = heed::env_closing_event(fs::canonicalize(path)?) {
                    closing.wait_timeout(CLOSING);
                }
                open(path, size)?
            }
            opened => opened?,
        };
        let page = env.unnamed_database_stat().page_size as usize;
        let used = env.info().last_page_number.saturating_add(1).saturating_mul(page);
        if length > 0 && used > length {
            // LMDB would map the missing part as if it existed.
            env.prepare_for_closing().wait_timeout(CLOSING);
            return Err(MdbError::Corrupted.into());
        }
        file.take_of_disk(length.max(used), size)?;
        Ok(Self { slots: create_slots(&env)?, env })
    }

    /// Runs `change` in a write transaction, which no other process's overlaps. It is committed on `Ok`, and rolled
    /// back on `Err` or if the process dies. `change` runs again if the file had to grow.
    pub(crate) fn change<T, D>(
        &mut self,
        mut change: impl FnMut(Slots, &mut RwTxn<'_>) -> heed::Result<Result<T, D>>,
    ) -> heed::Result<Result<T, D>> {
        loop {
            match self.try_change(&mut change) {
                // Another process has grown the file.
                Err(Error::Mdb(MdbError::MapResized)) => self.resize(&LockedFile::of(self.env.path())?, 0)?,
                Err(Error::Mdb(MdbError::MapFull)) => self.grow()?,
                done => return done,
            }
        }
    }

    /// Runs `look` in a read transaction.
    pub(crate) fn look<T>(
        &mut self,
        mut look: impl FnMut(Slots, &RwTxn<'_>) -> heed::Result<T>,
    ) -> heed::Result<T> {
        let seen = self.change(|slots, transaction| Ok(Err::<(), _>(look(slots, transaction)?)))?;
        seen.map_or_else(Ok, |()| Err(MdbError::Problem.into()))
    }

    fn try_change<T, D>(
        &self,
        change: impl FnOnce(Slots, &mut RwTxn<'_>) -> heed::Result<Result<T, D>>,
    ) -> heed::Result<Result<T, D>> {
        let mut transaction = self.env.write_txn()?;
        let done = change(self.slots, &mut transaction)?;
        if done.is_ok() {
            transaction.commit()?;
        }
        Ok(done)
    }

    fn grow(&self) -> heed::Result<()> {
        // A tool that read the file and was killed would keep its pages from being reused.
        if self.env.clear_stale_readers()? > 0 {
            return Ok(());
        }
        let file = LockedFile::of(self.env.path())?;
        let mapped = self.env.info().map_size;
        let size = if file.size()? > mapped {
            0
        } else {
            mapped.checked_mul(2).ok_or(Error::Mdb(MdbError::MapFull))?
        };
        self.resize(&file, size)
    }

    /// Maps `size` bytes, and at least the whole file.
    fn resize(&self, file: &LockedFile, size: usize) -> heed::Result<()> {
        let length = file.size()?;
        let size = length.max(size);
        file.take_of_disk(length, size)?;
        // SAFETY: the owner of the environment lets one thread at a time use it, and this one has no transaction open.
        unsafe { self.env.resize(size) }
    }
}

/// The file, locked against being opened or resized by another process. LMDB sets the file's length to what it is
/// about to map, even if that is less: another process would lose the rest.
struct LockedFile(File);

impl LockedFile {
    fn of(path: &Path) -> std::io::Result<Self> {
        // LMDB's own locks are on its lock file, so closing this descriptor drops none of them.
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        // Poll instead of a blocking lock, which has no timeout. A verification may be about to grow the file. The
        // wait is short unless the other process is stopped.
        for steps in 0..LOCK_STEPS {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => deadline::step(steps),
                locked => return Ok(locked.map(|()| Self(file))?),
            }
        }
        Err(ErrorKind::TimedOut.into())
    }

    fn size(&self) -> std::io::Result<usize> {
        Ok(usize::try_from(self.0.metadata()?.len()).unwrap_or(usize::MAX))
    }

    /// Allocates this many bytes on disk now. No process uses those from `used` on.
    fn take_of_disk(&self, used: usize, size: usize) -> std::io::Result<()> {
        allocate(&self.0, used as u64, size as u64)
    }
}

/// Whether the error means that LMDB has not written the file, or only a part of it.
fn is_damage(error: MdbError) -> bool {
    use MdbError::{Corrupted, Invalid, PageNotFound, VersionMismatch};
    matches!(error, Corrupted | Invalid | PageNotFound | VersionMismatch)
}

fn open(path: &Path, size: usize) -> heed::Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(size);
    // SAFETY: every process that writes the file uses LMDB's locks; it is on a local file system, open once in this
    // process, and never truncated. A crash of the machine may tear unsynced pages, but the next boot creates
    // another file.
    unsafe {
        options
            .flags(EnvFlags::NO_SUB_DIR | EnvFlags::NO_SYNC | EnvFlags::NO_META_SYNC | EnvFlags::WRITE_MAP);
        options.open(path)
    }
}

fn create_slots(env: &Env<WithoutTls>) -> heed::Result<Slots> {
    let transaction = env.write_txn()?;
    let created = env.create_databases_and_commit(transaction, |opener, transaction| {
        opener.create_database::<Bytes, Bytes>(transaction, None).map(CommitOrAbort::<_, Error>::Commit)
    })?;
    match created {
        CommitOrAbort::Commit(slots) => Ok(slots),
        CommitOrAbort::Abort(error) => Err(error),
    }
}
