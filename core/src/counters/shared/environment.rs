//! An LMDB environment in one file, as counters need it: without waiting for the disk, and growing as it fills.

#![allow(unsafe_code, reason = "LMDB maps its file into memory")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, Error, MdbError, RwTxn, WithoutTls};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// How much of the file is mapped, and taken of the disk, when it is made: some 40,000 slots of one entry.
const FIRST_SIZE: usize = 4 << 20;

/// How long another thread may take to close the same file.
const CLOSING: Duration = Duration::from_secs(2);

pub(super) type Slots = Database<'static, Bytes, Bytes>;

/// The open file. Its owner lets one thread at a time use it.
pub(super) struct Environment {
    env: Env<WithoutTls>,
    slots: Slots,
}

impl Environment {
    /// Opens the file, which is there.
    pub(super) fn open(path: &Path) -> heed::Result<Self> {
        let env = match open(path) {
            Err(Error::EnvAlreadyOpened) => {
                if let Some(closing) = heed::env_closing_event(fs::canonicalize(path)?) {
                    closing.wait_timeout(CLOSING);
                }
                open(path)?
            }
            opened => opened?,
        };
        reserve(&env)?;
        // Another process may have grown the file meanwhile.
        let slots = match create_slots(&env) {
            Err(Error::Mdb(MdbError::MapResized)) => {
                resize(&env, 0)?;
                create_slots(&env)?
            }
            slots => slots?,
        };
        Ok(Self { env, slots })
    }

    /// Runs `change` in a transaction of its own, which no other process's overlaps: `Some` is committed, and nothing
    /// is where it is `None` or the process dies. Runs it again where the file had to grow.
    pub(super) fn change<T, D>(
        &mut self,
        mut change: impl FnMut(Slots, &mut RwTxn<'_>) -> heed::Result<Result<T, D>>,
    ) -> heed::Result<Result<T, D>> {
        loop {
            match self.try_change(&mut change) {
                Err(Error::Mdb(MdbError::MapResized)) => resize(&self.env, 0)?,
                Err(Error::Mdb(MdbError::MapFull)) => self.grow()?,
                done => return done,
            }
        }
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
        // A tool that looked at the file and was killed keeps its pages from being used again.
        if self.env.clear_stale_readers()? > 0 {
            return Ok(());
        }
        let before = self.env.info().map_size;
        resize(&self.env, 0)?;
        if self.env.info().map_size > before {
            return Ok(());
        }
        let size = before.checked_mul(2).ok_or(Error::Mdb(MdbError::MapFull))?;
        take_of_disk(&self.env, size)?;
        resize(&self.env, size)
    }
}

fn open(path: &Path) -> heed::Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(FIRST_SIZE);
    // SAFETY: the file is shared through LMDB's own locks by all who write it; it is on a local file system, open once
    // in this process, and never cut short. A crash of the machine may tear what was not synced: then it is another
    // boot, and the file is made anew.
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

/// Maps `size` bytes, or with 0 as much as another process has grown the file to.
fn resize(env: &Env<WithoutTls>, size: usize) -> heed::Result<()> {
    // SAFETY: the owner of the environment lets one thread at a time use it, and this one has no transaction open.
    unsafe { env.resize(size) }
}

/// Takes all that is mapped of the disk now: a full disk is an error here, and would be a signal later.
fn reserve(env: &Env<WithoutTls>) -> heed::Result<()> {
    take_of_disk(env, env.info().map_size)
}

fn take_of_disk(env: &Env<WithoutTls>, size: usize) -> heed::Result<()> {
    // LMDB's locks are on its lock file: closing this one drops none.
    let file = OpenOptions::new().write(true).open(env.path())?;
    match fallocate(&file, FallocateFlags::empty(), 0, size as u64) {
        // Not every file system can.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        taken => Ok(taken.map_err(std::io::Error::from)?),
    }
}
