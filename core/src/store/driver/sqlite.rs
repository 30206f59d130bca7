//! Records in SQLite: a file shared by any number of processes, or memory.

mod backup;
mod connection;
mod error;
mod files;
mod freshness;
mod last_used;
mod migrate;
mod session;
#[cfg(test)]
mod testing;
mod transaction;
mod wait;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

use super::Failure;
use crate::deadline::{self, TimedMutex, uninterrupted};
use crate::error::Result;
use crate::fork::{ForkGuards, lock};
use crate::ipc::{DatabaseFiles, FairWriteLock, Shared};
use connection::{Handle, Reader};
pub(crate) use error::Error;
use files::retire_if_moved;
pub(crate) use session::Row;
pub(super) use session::Session;
#[cfg(test)]
pub(in crate::store) use testing::plan;
use wait::{wait_for_locks, wait_for_turn};

/// How long a reader waits before it checks again whether a writer has opened the files.
const OPENING_PAUSE: Duration = Duration::from_millis(1);
/// The number of reading connections. A verification of a cached key needs none.
const READERS: usize = 4;

/// The records of one database, in a file or in the memory of this process. It is opened at first use, and again
/// after a fork.
pub(crate) struct Store {
    path: Option<PathBuf>,
    shared: Arc<Shared>,
    /// When this process last looked for changes of another program, boot clock in ms.
    looked_ms: AtomicU64,
    writer: TimedMutex<Option<Handle>>,
    /// The files that the writer has open, created and migrated. A reader can rely on them, even while the writer
    /// waits.
    whole: Mutex<Option<DatabaseFiles>>,
    /// The queue of the writers of all processes; used by the holder of `writer`.
    turn: Mutex<Option<FairWriteLock>>,
    readers: [TimedMutex<Option<Reader>>; READERS],
    /// Held during a copy of the database, which uses separate connections.
    copying: TimedMutex<()>,
    /// Whether a missing file is created.
    may_create: AtomicBool,
    /// Whether the file was open before. If it is missing then, it was removed, and is not created again.
    was_open: AtomicBool,
    /// Whether this process has created the file and has not reported it yet.
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

    /// From now on, rejects a missing file instead of creating it.
    pub(crate) fn never_create(&self) {
        self.may_create.store(false, Relaxed);
    }

    /// The file, if this process has created it. Returned once.
    pub(crate) fn take_created(&self) -> Option<PathBuf> {
        let was_created = self.created.load(Relaxed) && self.created.swap(false, Relaxed);
        self.path.clone().filter(|_| was_created)
    }

    /// The path of the file; none in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The state that the processes of this database share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs `read` with a reading connection, where each statement sees its own snapshot. `read` runs again if a
    /// fork interrupts a wait.
    fn read<T>(&self, mut read: impl FnMut(&Connection) -> Result<T, Failure>) -> Result<T> {
        match &self.path {
            None => self.with_writer(|connection| read(connection)),
            Some(path) => self.with_reader(path, |reader| read(&reader.handle.connection)),
        }
    }

    /// Runs `run` with the writing connection, again if a fork interrupts a wait.
    fn with_writer<T>(&self, mut run: impl FnMut(&mut Connection) -> Result<T, Failure>) -> Result<T> {
        self.with_handle(|handle| run(&mut handle.connection))
    }

    /// Runs `run` with the writing connection and the files that it has open.
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

    /// Runs `run` with a reading connection, again if a fork interrupts a wait.
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

    /// A reading connection to the files that the writer has created and migrated.
    fn open_reader(&self, path: &Path) -> Result<Reader, Failure> {
        loop {
            let known = *lock(&self.whole);
            if let Some(files) = known.filter(|files| files.are_at(path))
                && let Ok(new) = Reader::open(path)
                && new.handle.files == Some(files)
            {
                return Ok(new);
            }
            // A writer that is opening them says so in `whole` before it waits for others.
            let Some(mut writer) = self.writer.try_lock() else {
                deadline::pause_for(OPENING_PAUSE)?;
                continue;
            };
            let files = self.open_writer(&mut writer)?.files;
            let new = Reader::open(path)?;
            // The file may have been replaced just now, with the log of the old one still there.
            return if new.handle.files == files { Ok(new) } else { Err(Error::Moved.into()) };
        }
    }

    /// Runs `write` in this process's turn to write, if the queue of writers works.
    fn in_turn<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut files = lock(&self.turn);
        if files.as_ref().is_none_or(FairWriteLock::are_removed) {
            *files = self.shared.turn_files();
        }
        let _turn = files.as_ref().map(|files| files.take(wait_for_turn));
        write()
    }

    /// Rejects the file if another copy of this library has it open in this process. SQLite's file locks belong to
    /// the process, so the first copy to close the file would drop the locks of the other.
    fn alone_in_process(&self) -> Result<(), Failure> {
        self.shared.open()?;
        Ok(())
    }

    fn explained<T>(&self, result: Result<T, Failure>) -> Result<T> {
        result.map_err(|failure| error::explain(failure, self.path.as_deref()))
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

    /// Locks every connection and closes those to a file, which must not cross a fork. It skips the checkpoint of
    /// the last connection, so that a fork does not wait for the disk.
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
        // A file lock belongs to the open file, which parent and child would share.
        let mut turn = lock(&self.turn);
        turn.take();
        guards.push(Box::new(turn));
        self.copying.quiesce(guards, |()| {});
    }
}

/// The value in `slot`, opened if there is none.
fn opened<T>(slot: &mut Option<T>, open: impl FnOnce() -> Result<T, Failure>) -> Result<&mut T, Failure> {
    match slot {
        Some(open) => Ok(open),
        None => Ok(slot.insert(open()?)),
    }
}

/// The reader that this thread tries first.
fn own_reader() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Relaxed) % READERS;
    }
    OWN.try_with(|own| *own).unwrap_or(0)
}
