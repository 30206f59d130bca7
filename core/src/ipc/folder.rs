//! The folder next to a database. It contains `words`, the version counters, which every user of the folder locks,
//! and the files of the counters and the last-used times. Together they are a segment. It also contains two files
//! that writers lock in turn, and `files`, which records the files of the database.
//!
//! A segment is created under the write lock of the database, so that no change is being published meanwhile, and
//! under an exclusive lock on the previous segment, which every process that has it open locks shared: two segments
//! are never in use at the same time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::database_files::DatabaseFiles;
use super::error::SegmentError;
use super::file_system::{FileId, allocate, check_local, give_to_users_of, times_open};
use super::header::{self, Header};
use super::version_counters;
use crate::deadline::pause_for;
use crate::error::GatekeeperError;
use crate::secret::random;

/// How long to wait for processes that hold the lock only for a moment.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);
/// The length of an LMDB lock file: longer than LMDB makes it.
const LOCKS_LENGTH: u64 = 16 * 1024;
/// Never follow a link here: another user may have placed it to make this process write elsewhere.
const NO_LINK: i32 = libc::O_NOFOLLOW;

pub(super) struct Folder {
    database: PathBuf,
    path: PathBuf,
}

/// The current segment, locked shared for as long as the file is open.
pub(super) struct Opened {
    pub(super) version_counters: File,
    pub(super) header: Header,
    pub(super) counters: PathBuf,
    /// The file may be missing.
    pub(super) last_used: PathBuf,
}

impl Folder {
    pub(super) fn beside(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-shared");
        Self { database: database.to_owned(), path: path.into() }
    }

    pub(super) fn explain(&self, error: SegmentError) -> GatekeeperError {
        error.explain(&self.path)
    }

    /// Removes access to the folder from users who may only read the database: earlier versions gave it to them,
    /// and they could lock files in it. If this user may not change the folder, the owner's process does.
    fn keep_readers_out(&self) {
        let may_read_only = |mode: u32, users: u32| mode & users != 0 && mode & users != users;
        let mode = fs::symlink_metadata(&self.path).map_or(0, |found| found.mode());
        if (may_read_only(mode, 0o070) || may_read_only(mode, 0o007))
            && let Ok(folder) = self.open_folder()
        {
            let _ = give_to_users_of(&self.database, &folder);
        }
    }

    /// Whether `file` is the current file of the version counters.
    pub(super) fn holds(&self, file: FileId) -> bool {
        fs::metadata(self.version_counters()).is_ok_and(|found| FileId::from(&found) == file)
    }

    /// Opens the current segment. Returns none if one must be created.
    pub(super) fn open(&self) -> Result<Option<Opened>, SegmentError> {
        let Some(version_counters) = self.locked(FlockOperation::NonBlockingLockShared)? else {
            return Ok(None);
        };
        check_local(&self.path)?;
        self.keep_readers_out();
        let Some(header) = Header::read(&version_counters)? else { return Ok(None) };
        let counters = self.counters(&header);
        if !is_whole(&counters) || !version_counters::are_whole(&version_counters)? {
            return Ok(None);
        }
        if !header.is_for_this_process()? {
            drop(version_counters);
            return self.take_over();
        }
        check_only_copy(FileId::from(&version_counters.metadata()?))?;
        let last_used = self.path.join(format!("last-used-{:016x}", header.segment));
        Ok(Some(Opened { version_counters, header, counters, last_used }))
    }

    /// Creates an empty segment in which records older than change `number` are stale, unless there is a current
    /// one. The caller must hold the write lock of the database.
    pub(super) fn make(&self, number: u64) -> Result<(), SegmentError> {
        if self.open()?.is_some() {
            return Ok(());
        }
        self.make_folder()?;
        check_local(&self.path)?;
        let _before = self.lock_out()?;
        self.clear()?;
        let header = Header::new()?;
        let counters = self.counters(&header);
        self.create(&counters)?;
        self.create_locks(&counters)?;

        let new = self.path.join(format!("words-{:016x}", header.segment));
        let file = self.create(&new)?;
        header.write(&file)?;
        // Write all bytes, so that a full disk is an error here and not a signal where the map is used.
        file.write_all_at(&version_counters::new(number), header::LENGTH as u64)?;
        fs::rename(&new, self.version_counters())?;
        // Processes that still use the removed segment check for that once per millisecond.
        sleep(PAUSE);
        Ok(())
    }

    /// Locks out every process that uses the previous segment, if there is a usable one.
    fn lock_out(&self) -> Result<Option<File>, SegmentError> {
        match self.locked(FlockOperation::NonBlockingLockExclusive) {
            // Its counters were deleted. Its users will notice that its version counters are gone too.
            Err(SegmentError::InUse) if self.lacks_counters()? => Ok(None),
            locked => locked,
        }
    }

    fn lacks_counters(&self) -> Result<bool, SegmentError> {
        let Ok(version_counters) = File::open(self.version_counters()) else { return Ok(false) };
        Ok(Header::read(&version_counters)?.is_some_and(|header| !is_whole(&self.counters(&header))))
    }

    /// Takes over a segment whose users have all ended, and which was created for processes that could not share
    /// locks with this one.
    fn take_over(&self) -> Result<Option<Opened>, SegmentError> {
        let version_counters = match self.locked(FlockOperation::NonBlockingLockExclusive) {
            Err(SegmentError::InUse) => return Err(SegmentError::OtherContainer),
            locked => locked?,
        };
        if let Some(version_counters) = version_counters
            && let Some(header) = Header::read(&version_counters)?
        {
            header.for_this_process()?.write(&version_counters)?;
        }
        self.open()
    }

    /// The version counters' file, locked without waiting; none if the file is missing.
    fn locked(&self, lock: FlockOperation) -> Result<Option<File>, SegmentError> {
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            let mut options = OpenOptions::new();
            let file =
                match options.read(true).write(true).custom_flags(NO_LINK).open(self.version_counters()) {
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                    file => file?,
                };
            match flock(&file, lock) {
                // The file may have been replaced before it was locked.
                Ok(()) if self.holds(FileId::from(&file.metadata()?)) => return Ok(Some(file)),
                Ok(()) | Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            pause_for(PAUSE)?;
            waited += PAUSE;
        }
        Err(SegmentError::InUse)
    }

    fn make_folder(&self) -> Result<(), SegmentError> {
        match DirBuilder::new().mode(0o700).create(&self.path) {
            Ok(()) => Ok(give_to_users_of(&self.database, &self.open_folder()?)?),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn open_folder(&self) -> io::Result<File> {
        OpenOptions::new().read(true).custom_flags(NO_LINK).open(&self.path)
    }

    /// Creates the lock file of an LMDB file. LMDB writes it through a map as soon as it finds it, so it must be
    /// allocated.
    fn create_locks(&self, of: &Path) -> Result<(), SegmentError> {
        let path = lock_of(of);
        let mut new = path.clone().into_os_string();
        new.push(format!("-{:016x}", u64::from_le_bytes(random()?)));
        let made = self.create(Path::new(&new)).and_then(|file| {
            allocate(&file, 0, LOCKS_LENGTH)?;
            Ok(fs::hard_link(&new, &path)?)
        });
        let _ = fs::remove_file(&new);
        made
    }

    fn create(&self, path: &Path) -> Result<File, SegmentError> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        give_to_users_of(&self.database, &file)?;
        Ok(file)
    }

    /// A file in the folder that is used as a lock, created if it is missing. The folder is not created.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, SegmentError> {
        let path = self.path.join(name);
        match self.create(&path) {
            Err(SegmentError::Io(error)) if error.kind() == ErrorKind::AlreadyExists => {
                Ok(OpenOptions::new().read(true).custom_flags(NO_LINK).open(&path)?)
            }
            made => made,
        }
    }

    /// The file with the tag of the secret in use, created if it is missing.
    pub(super) fn secret_file(&self) -> Result<File, SegmentError> {
        let path = self.path.join("secret");
        match self.create(&path) {
            Err(SegmentError::Io(error)) if error.kind() == ErrorKind::AlreadyExists => {
                Ok(OpenOptions::new().read(true).write(true).custom_flags(NO_LINK).open(&path)?)
            }
            made => made,
        }
    }

    /// The recorded files of the database when it was last opened; none if unknown.
    pub(super) fn read_database_files(&self) -> Option<DatabaseFiles> {
        let text = fs::read(self.database_files()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Records the files of the database. A reader finds either this record or the previous one.
    pub(super) fn write_database_files(&self, files: DatabaseFiles) -> Result<(), SegmentError> {
        self.make_folder()?;
        let new = self.path.join(format!("files-{:016x}", u64::from_le_bytes(random()?)));
        let written = self.create(&new).and_then(|mut file| {
            file.write_all(&serde_json::to_vec(&files).map_err(io::Error::from)?)?;
            Ok(fs::rename(&new, self.database_files())?)
        });
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    /// Runs `work` while no other process runs any here. Returns none if another process does so for long, or if
    /// the folder cannot be used.
    pub(super) fn alone<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let lock = self.lock_file("alone").ok()?;
        let mut waited = Duration::ZERO;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            if waited >= PATIENCE {
                return None;
            }
            pause_for(PAUSE).ok()?;
            waited += PAUSE;
        }
        Some(work())
    }

    /// Creates an LMDB file in the folder if it is missing, and its lock file.
    pub(super) fn ensure(&self, path: &Path) -> io::Result<()> {
        for made in [self.create(path).map(drop), self.create_locks(path)] {
            match made {
                Err(SegmentError::Io(error)) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes the files of previous segments.
    fn clear(&self) -> Result<(), SegmentError> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if ["words-", "counters-", "last-used-", "files-"].iter().any(|kind| name.starts_with(kind)) {
                match fs::remove_file(entry.path()) {
                    // Another process has just renamed or deleted it.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }

    fn version_counters(&self) -> PathBuf {
        self.path.join("words")
    }

    fn database_files(&self) -> PathBuf {
        self.path.join("files")
    }

    fn counters(&self, header: &Header) -> PathBuf {
        self.path.join(format!("counters-{:016x}", header.segment))
    }
}

/// Waits for another thread that is just closing the file. Otherwise another copy of this library has it open.
fn check_only_copy(file: FileId) -> Result<(), SegmentError> {
    let mut waited = Duration::ZERO;
    while times_open(file)? > 1 {
        if waited >= PATIENCE {
            return Err(SegmentError::SecondCopy);
        }
        pause_for(PAUSE)?;
        waited += PAUSE;
    }
    Ok(())
}

/// Whether the counters' file and its lock file exist.
pub(super) fn is_whole(counters: &Path) -> bool {
    let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    is_file(counters) && is_file(&lock_of(counters))
}

/// The lock file that LMDB keeps next to `counters`.
fn lock_of(counters: &Path) -> PathBuf {
    let mut path = counters.as_os_str().to_owned();
    path.push("-lock");
    path.into()
}

#[cfg(test)]
mod tests;
