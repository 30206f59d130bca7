//! Records in SQLite: a file shared by any number of processes, or memory.

mod connection;
mod failure;
mod keys;
mod migrate;
mod tenants;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Result;
use crate::fork::{Guards, lock, try_lock};
use connection::{Reader, open_writer};
use failure::{BUSY, Failure};

/// Connections that read; a hot verification holds one for about two microseconds.
const READERS: usize = 4;

/// The records of one place: a file, or memory of this process alone. Opens at first use, and again after a fork.
pub(crate) struct Store {
    path: Option<PathBuf>,
    writer: Mutex<Option<Connection>>,
    readers: [Mutex<Option<Reader>>; READERS],
    /// In memory, the change number in force. A file holds its own.
    memory_number: AtomicU64,
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self::new(None)
    }

    pub(crate) fn on_file(path: PathBuf) -> Self {
        Self::new(Some(path))
    }

    fn new(path: Option<PathBuf>) -> Self {
        Self { path, writer: Mutex::default(), readers: Default::default(), memory_number: AtomicU64::new(0) }
    }

    /// The change number in force: what was read under a lower one may be stale.
    pub(crate) fn change_number(&self) -> Result<u64> {
        match &self.path {
            None => Ok(self.memory_number.load(SeqCst)),
            Some(path) => self.with_reader(path, Reader::change_number),
        }
    }

    /// The same, if it can be said without opening a file and without waiting for another thread.
    pub(crate) fn try_change_number(&self) -> Result<Option<u64>> {
        if self.path.is_none() {
            return self.change_number().map(Some);
        }
        let own = own_reader();
        let in_turn = self.readers.iter().cycle().skip(own).take(READERS);
        for mut reader in in_turn.filter_map(try_lock) {
            if let Some(reader) = &mut *reader {
                // Another process may be repairing the file.
                let answer = reader.connection.busy_timeout(Duration::ZERO).map_err(Failure::from);
                return match answer.and_then(|()| reader.change_number()) {
                    Err(failure) if failure.is_busy() => Ok(None),
                    answer => self.explained(answer).map(Some),
                };
            }
        }
        Ok(None)
    }

    /// Reads in whatever snapshot each statement finds.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T> {
        match &self.path {
            None => self.with_writer(|connection| read(connection)),
            Some(path) => self.with_reader(path, |reader| read(&reader.connection)),
        }
    }

    /// Runs `change` in a transaction of its own: all of it is on disk, or none. What can alter a verdict takes the
    /// next change number, by the triggers of the schema. Where it finds nothing to change, nothing is.
    fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>> {
        self.with_writer(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(answer) = change(&transaction)? else { return Ok(None) };
            if self.path.is_none() {
                // Before the commit: a reader that sees the new number waits for the lock, and then sees the change.
                self.memory_number.store(connection::change_number(&transaction)?, SeqCst);
            }
            transaction.commit()?;
            Ok(Some(answer))
        })
    }

    fn with_writer<T>(&self, run: impl FnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T> {
        let mut writer = lock(&self.writer);
        self.explained(opened(&mut writer, || open_writer(self.path.as_deref())).and_then(run))
    }

    fn with_reader<T>(&self, path: &Path, run: impl FnOnce(&mut Reader) -> Result<T, Failure>) -> Result<T> {
        #[allow(clippy::indexing_slicing, reason = "own_reader is below READERS")]
        let mut reader = lock(&self.readers[own_reader()]);
        if reader.is_none() {
            // The writer makes and migrates the file; a reader finds it whole.
            self.with_writer(|_| Ok(()))?;
        }
        self.explained(opened(&mut reader, || Reader::open(path)).and_then(|reader| {
            reader.connection.busy_timeout(BUSY)?;
            run(reader)
        }))
    }

    fn explained<T>(&self, result: Result<T, Failure>) -> Result<T> {
        result.map_err(|failure| failure.explain(self.path.as_deref()))
    }

    /// Holds every connection and closes those to a file, which SQLite does not allow to cross a fork.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        for reader in &self.readers {
            let mut reader = lock(reader);
            close(reader.take().map(|reader| reader.connection));
            guards.push(Box::new(reader));
        }
        let mut writer = lock(&self.writer);
        if self.path.is_some() {
            close(writer.take());
        }
        guards.push(Box::new(writer));
    }
}

/// What is in `place`, opened if nothing is.
fn opened<T>(place: &mut Option<T>, open: impl FnOnce() -> Result<T, Failure>) -> Result<&mut T, Failure> {
    match place {
        Some(open) => Ok(open),
        None => Ok(place.insert(open()?)),
    }
}

/// Closes a connection without the checkpoint that the last one does: a fork should not wait for the disk.
fn close(connection: Option<Connection>) {
    if let Some(connection) = connection {
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

/// The reader that this thread asks first.
fn own_reader() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Relaxed) % READERS;
    }
    OWN.try_with(|own| *own).unwrap_or(0)
}
