//! Records in SQLite: a file shared by any number of processes, or memory.

mod audit;
mod backup;
mod connection;
mod failure;
mod files;
mod freshness;
mod imports;
mod keys;
mod last_used;
mod members;
mod migrate;
mod old;
mod one_time;
mod password_failures;
mod removed;
mod required;
mod rows;
mod sessions;
mod signing_keys;
mod tenants;
mod usage;
mod users;
mod wait;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, Row};

use crate::deadline::{self, TimedMutex, uninterrupted};
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, lock};
use crate::ipc::{DatabaseFiles, FairWriteLock, Shared};
use connection::{Handle, Reader};
pub(crate) use failure::Failure;
use files::retire_if_moved;
pub use required::MissingRow;
pub(crate) use rows::{Rows, Tx};
pub(super) use tenants::tenant_row;
use wait::{wait_for_locks, wait_for_turn};

/// How long a reader waits before it looks again whether a writer has opened the files.
const OPENING_PAUSE: Duration = Duration::from_millis(1);
/// Connections that read; a hot verification needs none.
const READERS: usize = 4;

/// The records of one place: a file, or memory of this process alone. Opens at first use, and again after a fork.
pub(crate) struct Store {
    path: Option<PathBuf>,
    shared: Arc<Shared>,
    /// When, on the boot clock in ms, somebody last looked for changes of another program.
    looked_ms: AtomicU64,
    writer: TimedMutex<Option<Handle>>,
    /// The files that the writer has open, made and migrated: a reader finds them whole, also while the writer waits.
    whole: Mutex<Option<DatabaseFiles>>,
    /// What writers of all processes take their turn by; used by the holder of `writer`.
    turn: Mutex<Option<FairWriteLock>>,
    readers: [TimedMutex<Option<Reader>>; READERS],
    /// Held while everything is copied, by connections of its own.
    copying: TimedMutex<()>,
    /// Whether a file that is not there is made.
    may_create: AtomicBool,
    /// Whether the file was open: one that is not there then was taken away, and is not made again.
    was_open: AtomicBool,
    /// Whether this process has made the file, and has not yet said so.
    created: AtomicBool,
}

impl Store {
    pub(crate) fn in_memory() -> Result<Self> {
        Ok(Self::new(None, Shared::in_memory()?))
    }

    pub(crate) fn on_file(path: PathBuf) -> Self {
        let shared = Shared::beside(&path);
        Self::new(Some(path), shared)
    }

    fn new(path: Option<PathBuf>, shared: Shared) -> Self {
        Self {
            path,
            shared: Arc::new(shared),
            looked_ms: AtomicU64::new(0),
            writer: TimedMutex::default(),
            whole: Mutex::default(),
            turn: Mutex::default(),
            readers: Default::default(),
            may_create: AtomicBool::new(true),
            was_open: AtomicBool::new(false),
            created: AtomicBool::new(false),
            copying: TimedMutex::default(),
        }
    }

    /// Rejects a file that is not there from now on, instead of making it.
    pub(crate) fn never_create(&self) {
        self.may_create.store(false, Relaxed);
    }

    /// The file, where this process has made it; said once.
    pub(crate) fn take_created(&self) -> Option<PathBuf> {
        let was_created = self.created.load(Relaxed) && self.created.swap(false, Relaxed);
        self.path.clone().filter(|_| was_created)
    }

    /// The file; none in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What the processes that use these records share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Reads in whatever snapshot each statement finds. Where a fork interrupts a wait, `read` is run again.
    fn read<T>(&self, mut read: impl FnMut(&Connection) -> Result<T, Failure>) -> Result<T> {
        match &self.path {
            None => self.with_writer(|connection| read(connection)),
            Some(path) => self.with_reader(path, |reader| read(&reader.handle.connection)),
        }
    }

    /// Runs `run` with the connection that writes; again where a fork interrupts a wait.
    fn with_writer<T>(&self, mut run: impl FnMut(&mut Connection) -> Result<T, Failure>) -> Result<T> {
        self.with_handle(|handle| run(&mut handle.connection))
    }

    /// The same, with the files that it has open.
    fn with_handle<T>(&self, mut run: impl FnMut(&mut Handle) -> Result<T, Failure>) -> Result<T> {
        self.explained(uninterrupted(|| self.try_with_handle(&mut run)))
    }

    fn try_with_handle<T>(&self, run: impl FnOnce(&mut Handle) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut writer = self.writer.lock()?;
        self.open_writer(&mut writer).and_then(run)
    }

    fn open_writer<'a>(&self, writer: &'a mut Option<Handle>) -> Result<&'a mut Handle, Failure> {
        if let Some(path) = &self.path {
            retire_if_moved(writer, path);
        }
        let writer = opened(writer, || {
            self.alone_in_process()?;
            match &self.path {
                None => Handle::writer_in_memory(),
                Some(path) => self.writer_of(path),
            }
        })?;
        *lock(&self.whole) = writer.files;
        Ok(writer)
    }

    #[cfg(test)]
    pub(crate) fn with_writer_for_test<T>(&self, run: impl FnOnce(&Connection) -> T) -> T {
        run(&self.writer.try_lock().unwrap().as_ref().unwrap().connection)
    }

    /// Runs `run` with a connection that reads; again where a fork interrupts a wait.
    fn with_reader<T>(
        &self,
        path: &Path,
        mut run: impl FnMut(&mut Reader) -> Result<T, Failure>,
    ) -> Result<T> {
        #[allow(clippy::indexing_slicing, reason = "own_reader is below READERS")]
        let reader = &self.readers[own_reader()];
        self.explained(uninterrupted(|| {
            let mut reader = reader.lock()?;
            if let Some(moved) = reader.take_if(|reader| !reader.handle.has_database_at(path)) {
                moved.handle.retire(path);
            }
            let reader = opened(&mut reader, || self.open_reader(path))?;
            wait_for_locks(&mut reader.handle.connection)?;
            run(reader)
        }))
    }

    /// A connection to the files that the writer has made and migrated: it finds them whole.
    fn open_reader(&self, path: &Path) -> Result<Reader, Failure> {
        loop {
            let known = *lock(&self.whole);
            if let Some(files) = known.filter(|files| files.are_at(path))
                && let Ok(new) = Reader::open(path)
                && new.handle.files == Some(files)
            {
                return Ok(new);
            }
            // A writer that is just opening them says so before it waits for others.
            let Some(mut writer) = self.writer.try_lock() else {
                deadline::pause_for(OPENING_PAUSE)?;
                continue;
            };
            let files = self.open_writer(&mut writer)?.files;
            let new = Reader::open(path)?;
            // It may have been replaced just now, and the log of the old file be there still.
            return if new.handle.files == files { Ok(new) } else { Err(Failure::Moved) };
        }
    }

    /// Runs `write` in this process's turn to write, if there is a turn to be had.
    fn in_turn<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut files = lock(&self.turn);
        if files.as_ref().is_none_or(FairWriteLock::are_removed) {
            *files = self.shared.turn_files();
        }
        let _turn = files.as_ref().map(|files| files.take(wait_for_turn));
        write()
    }

    /// Rejects where another copy of this library has the place open in this process: SQLite's locks, too, belong to the
    /// process, and the first copy to close the file would drop those of the other.
    fn alone_in_process(&self) -> Result<(), Failure> {
        self.shared.open()?;
        Ok(())
    }

    fn explained<T>(&self, result: Result<T, Failure>) -> Result<T> {
        result.map_err(|failure| failure.explain(self.path.as_deref()))
    }

    /// Closes every connection, the last one with a checkpoint.
    pub(crate) fn close(&self) {
        for reader in &self.readers {
            reader.lock_to_close().take();
        }
        self.writer.lock_to_close().take();
        *lock(&self.whole) = None;
        lock(&self.turn).take();
    }

    /// Holds every connection and closes those to a file, which SQLite does not allow to cross a fork. The checkpoint
    /// that the last one does is left out: a fork should not wait for the disk.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        for reader in &self.readers {
            reader.quiesce(guards, |reader| {
                reader.take().into_iter().for_each(|reader| reader.handle.close());
            });
        }
        self.writer.quiesce(guards, |writer| {
            writer.take_if(|_| self.path.is_some()).into_iter().for_each(Handle::close);
        });
        let mut whole = lock(&self.whole);
        *whole = None;
        guards.push(Box::new(whole));
        // A lock is the open file's, which both sides would have.
        let mut turn = lock(&self.turn);
        turn.take();
        guards.push(Box::new(turn));
        self.copying.quiesce(guards, |()| {});
    }
}

/// What is in `slot`, opened if nothing is.
fn opened<T>(slot: &mut Option<T>, open: impl FnOnce() -> Result<T, Failure>) -> Result<&mut T, Failure> {
    match slot {
        Some(open) => Ok(open),
        None => Ok(slot.insert(open()?)),
    }
}

/// A column that holds an id.
fn parsed<T: FromStr<Err = GatekeeperError>>(row: &Row<'_>, column: usize) -> Result<T, Failure> {
    Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?.parse()?)
}

/// The reader that this thread asks first.
fn own_reader() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Relaxed) % READERS;
    }
    OWN.try_with(|own| *own).unwrap_or(0)
}

/// The steps in which SQLite would run a statement.
#[cfg(test)]
fn plan(sql: &str) -> Vec<String> {
    let store = Store::in_memory().unwrap();
    store
        .with_writer(|connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
            let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
            let mut steps = Vec::new();
            while let Some(row) = rows.next()? {
                steps.push(row.get(3)?);
            }
            Ok(steps)
        })
        .unwrap()
}
