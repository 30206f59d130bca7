//! State that the processes of a machine share for one database: version counters, by which they learn of each
//! other's changes, and the files in which requests are counted. For `memory:`, the version counters of this
//! process alone.

mod database_files;
mod environment;
mod error;
mod file_system;
mod folder;
mod header;
mod last_used;
mod map;
mod secret_lock;
mod segment_file;
mod signing_locks;
mod version_counters;
mod write_lock;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::deadline::{TimedMutex, uninterrupted};
use crate::error::{GatekeeperError, Result};
use crate::fork::ForkGuards;
use crate::secret::random;
pub(crate) use database_files::DatabaseFiles;
pub(crate) use environment::{Environment, Slots};
use error::SegmentError;
use file_system::FileId;
pub(crate) use file_system::give_to_writers_of;
use folder::{Folder, Opened};
use last_used::LastUsed;
pub(crate) use last_used::{MAX_EARLY_MS, Touched};
pub(crate) use map::Map;
pub(crate) use secret_lock::SecretTag;
pub(crate) use segment_file::SegmentFile;
use signing_locks::SigningLocks;
use version_counters::SharedCounter as _;
pub(crate) use version_counters::{Expected, Invalidation, MAX_NUMBER, VersionCounters};
pub(crate) use write_lock::FairWriteLock;

/// The shared state of a database. It is opened at first use, and again after a fork.
pub(crate) struct Shared {
    /// None in memory.
    folder: Option<Folder>,
    /// The segments that this process has seen, each holding the next one. A replaced segment stays mapped, because
    /// another thread may be reading it.
    first: OnceLock<Box<Segment>>,
    /// The version counters' file of the newest segment, locked shared. Held while a segment is added.
    locked: TimedMutex<Option<File>>,
    /// The file with the tag of the secret in use, locked shared once this process uses its secret.
    secret: TimedMutex<Option<File>>,
    signing: SigningLocks,
    /// When the newest segment was last seen to be current, boot clock in ms.
    seen_ms: AtomicU64,
    /// The highest change number that this process has read, in any segment.
    read: AtomicU64,
    last_used: LastUsed,
}

/// One lifetime of the shared files: until the folder is deleted, the machine restarts, or the format changes.
pub(crate) struct Segment {
    pub(crate) version_counters: VersionCounters<Map>,
    /// The key under which slots are named.
    pub(crate) slot_key: [u8; 16],
    /// The file of the counters; none in memory.
    pub(crate) counters: Option<PathBuf>,
    /// The file of the last-used times; none in memory.
    pub(crate) last_used: Option<PathBuf>,
    file: Option<FileId>,
    next: OnceLock<Box<Self>>,
}

impl Shared {
    pub(crate) fn in_memory() -> Result<Self> {
        let segment = Segment {
            version_counters: VersionCounters(Map::in_memory()),
            slot_key: random()?,
            counters: None,
            last_used: None,
            file: None,
            next: OnceLock::new(),
        };
        Ok(Self { first: OnceLock::from(Box::new(segment)), ..Self::new(None, LastUsed::in_memory()) })
    }

    pub(crate) fn beside(database: &Path) -> Self {
        Self::new(Some(Folder::beside(database)), LastUsed::in_file())
    }

    fn new(folder: Option<Folder>, last_used: LastUsed) -> Self {
        Self {
            folder,
            first: OnceLock::new(),
            locked: TimedMutex::default(),
            secret: TimedMutex::default(),
            signing: SigningLocks::default(),
            seen_ms: AtomicU64::new(u64::MAX),
            read: AtomicU64::new(0),
            last_used,
        }
    }

    /// The current segment at `now_ms` of the boot clock, if it is open. Checks at most once per millisecond
    /// whether the segment was removed: a process that makes another one waits longer before it uses that.
    pub(crate) fn current(&self, now_ms: u64) -> Option<&Segment> {
        let newest = self.newest()?;
        if let (Some(folder), Some(file)) = (&self.folder, newest.file)
            && self.seen_ms.load(Relaxed) != now_ms
        {
            if !folder.holds(file) {
                return None;
            }
            self.seen_ms.store(now_ms, Relaxed);
        }
        Some(newest)
    }

    /// The current segment, locked so that it cannot be replaced; none if there is none yet.
    pub(crate) fn open(&self) -> Result<Option<&Segment>> {
        match &self.folder {
            None => Ok(self.newest()),
            Some(folder) => {
                let opened = uninterrupted(|| self.open_locked(folder, &mut *self.locked.lock()?));
                opened.map_err(|why| folder.explain(why))
            }
        }
    }

    /// The current segment, locked so that it cannot be replaced; created if there is none. The caller must hold
    /// the write lock of the database, whose last change is `number`.
    pub(crate) fn open_or_make(&self, number: u64) -> Result<&Segment> {
        let Some(folder) = &self.folder else { return self.newest().ok_or_else(gone) };
        let mut locked = self.locked.lock().map_err(|why| folder.explain(why.into()))?;
        let mut open = || self.open_locked(folder, &mut locked);
        let opened = match open() {
            Ok(None) => folder.make(number).and_then(|()| open()),
            opened => opened,
        };
        opened.map_err(|why| folder.explain(why))?.ok_or_else(gone)
    }

    /// Records that a reader that checks `version_counters` has seen change `number` in a snapshot. Call it before
    /// anything of the snapshot is cached.
    pub(crate) fn saw(&self, version_counters: &VersionCounters<Map>, number: u64) {
        self.read.raise(number);
        version_counters.saw(number);
        // This segment was created while the snapshot was read, perhaps for a restored database.
        if let Some(newest) =
            self.newest().filter(|newest| !ptr::eq(&raw const newest.version_counters, version_counters))
        {
            self.outdate_what_was_read(newest);
        }
    }

    /// The files of the database when it was last opened.
    pub(crate) fn database_files(&self) -> Option<DatabaseFiles> {
        self.folder.as_ref()?.read_database_files()
    }

    /// Records the files of the database, for the process that opens it later.
    pub(crate) fn note_database_files(&self, files: DatabaseFiles) {
        if let Some(folder) = &self.folder
            && folder.read_database_files() != Some(files)
        {
            // The record only helps to clean up after a replaced database, so a failure is ignored.
            let _ = folder.write_database_files(files);
        }
    }

    /// Runs `remove`, which moves aside the leftovers of a replaced database, in one process at a time.
    pub(crate) fn alone<T>(&self, remove: impl FnOnce() -> T) -> Option<T> {
        self.folder.as_ref()?.alone(remove)
    }

    fn open_locked(
        &self,
        folder: &Folder,
        locked: &mut Option<File>,
    ) -> std::result::Result<Option<&Segment>, SegmentError> {
        if let (Some(newest), Some(_)) = (self.newest(), &*locked)
            && newest.file.is_some_and(|file| folder.holds(file))
            && newest.counters.as_deref().is_none_or(folder::is_whole)
        {
            return Ok(Some(newest));
        }
        *locked = None;
        let Some(Opened { version_counters, header, counters, last_used }) = folder.open()? else {
            return Ok(None);
        };
        let file = FileId::from(&version_counters.metadata()?);
        if self.newest().is_none_or(|newest| newest.file != Some(file)) {
            self.add(Segment {
                version_counters: VersionCounters(Map::of(&version_counters)?),
                slot_key: header.slot_key,
                counters: Some(counters),
                last_used: Some(last_used),
                file: Some(file),
                next: OnceLock::new(),
            });
        }
        *locked = Some(version_counters);
        Ok(self.newest())
    }

    /// The queue of writers; none in memory, and none if the folder is missing or not accessible.
    pub(crate) fn turn_files(&self) -> Option<FairWriteLock> {
        let folder = self.folder.as_ref()?;
        Some(FairWriteLock::new(folder.lock_file("next").ok()?, folder.lock_file("turn").ok()?))
    }

    /// Declares that this process uses the secret with this tag, until it closes the database. The shared state
    /// must be open.
    ///
    /// # Errors
    /// `service_unavailable` while other processes use another secret.
    pub(crate) fn use_secret(&self, tag: &SecretTag) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let used = uninterrupted(|| {
            let mut held = self.secret.lock()?;
            if held.is_none() {
                let file = folder.secret_file()?;
                if !secret_lock::hold(&file, tag)? {
                    return Err(SegmentError::OtherSecret);
                }
                *held = Some(file);
            }
            Ok(())
        });
        used.map_err(|why| folder.explain(why))
    }

    /// The tag of the secret that other processes use now, if any. This process must not use one yet.
    pub(crate) fn secret_in_use(&self) -> Result<Option<SecretTag>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let tag = folder.secret_file().and_then(|file| Ok(secret_lock::in_use(&file)?));
        tag.map_err(|why| folder.explain(why))
    }

    /// The error for processes that use this database with another secret.
    pub(crate) fn other_secret(&self) -> GatekeeperError {
        self.folder.as_ref().map_or_else(gone, |folder| folder.explain(SegmentError::OtherSecret))
    }

    /// Declares that this process signs tokens with `algorithm`, until it closes the database. The shared state
    /// must be open.
    pub(crate) fn note_signing(&self, algorithm: &'static str) {
        if let Some(folder) = &self.folder {
            self.signing.note(folder, algorithm);
        }
    }

    /// Whether a process of this machine signs tokens with `algorithm`. In memory, that is unknown.
    pub(crate) fn signs(&self, algorithm: &str) -> bool {
        self.folder.as_ref().is_some_and(|folder| signing_locks::is_used(folder, algorithm))
    }

    pub(crate) fn close(&self) {
        self.signing.close();
        self.close_last_used();
        *self.locked.lock_to_close() = None;
        *self.secret.lock_to_close() = None;
    }

    /// Takes the locks and closes the files, for a fork. The maps stay: both processes map the same memory.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        if let LastUsed::File(file) = &self.last_used {
            file.quiesce_slow(guards);
        }
        self.locked.quiesce(guards, |locked| *locked = None);
        self.secret.quiesce(guards, |secret| *secret = None);
        self.signing.quiesce(guards);
    }

    fn newest(&self) -> Option<&Segment> {
        let mut newest = self.first.get()?;
        while let Some(next) = newest.next.get() {
            newest = next;
        }
        Some(newest)
    }

    /// Adds a segment after the newest one. The caller must hold `locked`.
    fn add(&self, segment: Segment) {
        self.outdate_what_was_read(&segment);
        let slot = self.newest().map_or(&self.first, |newest| &newest.next);
        // Only the holder of `locked` adds segments, so the slot is empty.
        let _ = slot.set(Box::new(segment));
        // Another thread may have read meanwhile without having seen this segment.
        if let Some(newest) = self.newest() {
            self.outdate_what_was_read(newest);
        }
    }

    /// Invalidates everything that this process has cached if the database was restored: then the change numbers of
    /// `segment` are smaller than the greatest one that this process has read.
    fn outdate_what_was_read(&self, segment: &Segment) {
        let read = self.read.get();
        if segment.version_counters.highest() < read {
            segment.version_counters.publish_to_all(read.saturating_add(1));
        }
    }
}

fn gone() -> GatekeeperError {
    GatekeeperError::unavailable(
        "the files next to the database were deleted right after they were created: try again",
    )
}
