//! The file of a database: created where allowed, and checked for removal, replacement and hard links.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use super::connection::Handle;
use super::{Error, Store};
use crate::ipc::DatabaseFiles;
use crate::store::driver::Failure;

/// The permissions of a new database: its owner only, whatever the umask is.
const FOR_OWNER: u32 = 0o600;

impl Store {
    /// The writing connection to the file at `path`, which is created when it is opened for the first time.
    pub(super) fn writer_of(&self, path: &Path) -> Result<Handle, Failure> {
        self.find_or_make(path)?;
        check_names(path)?;
        self.clear_way(path)?;
        let writer = match Handle::writer(path) {
            // On a layered file system, the first open for writing replaces the file by a copy.
            Err(Failure::Engine(Error::Moved)) => Handle::writer(path)?,
            writer => writer?,
        };
        self.was_open.store(true, Relaxed);
        writer.files.inspect(|files| self.shared.note_database_files(*files));
        Ok(writer)
    }

    /// Fails if `files` are no longer those of the database: a commit would be lost.
    pub(super) fn check_in_place(&self, files: Option<DatabaseFiles>) -> Result<(), Failure> {
        match (&self.path, files) {
            (Some(path), Some(files)) if !files.are_at(path) => Err(Error::Moved.into()),
            _ => Ok(()),
        }
    }

    /// Closes idle connections to files that were removed or replaced.
    pub(super) fn retire_moved(&self, path: &Path) {
        for reader in &self.readers {
            if let Some(mut reader) = reader.try_lock()
                && let Some(moved) = reader.take_if(|reader| !reader.handle.is_in_place(path))
            {
                moved.handle.retire(path);
            }
        }
        if let Some(mut writer) = self.writer.try_lock() {
            retire_if_moved(&mut writer, path);
        }
    }

    fn find_or_make(&self, path: &Path) -> Result<(), Failure> {
        let was_open = self.was_open.load(Relaxed);
        match fs::metadata(path) {
            Ok(found) if was_open && found.len() == 0 => Err(Error::Gone.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if was_open {
                    return Err(Error::Gone.into());
                }
                if !self.may_create.load(Relaxed) {
                    return Err(Error::NotThere.into());
                }
                // If the file cannot be created, opening it reports why.
                if make(path).is_ok() {
                    self.created.store(true, Relaxed);
                    tracing::warn!(event = "created", database = %path.display(), "created a new database");
                }
                Ok(())
            }
            // Opening the file reports other problems.
            _ => Ok(()),
        }
    }

    /// Moves the log of a previous database at this path aside: SQLite would read it as this one's.
    fn clear_way(&self, path: &Path) -> Result<(), Failure> {
        let Some(before) = self.shared.database_files().filter(|files| !files.has_database_at(path)) else {
            return Ok(());
        };
        match self.shared.alone(|| before.make_way_at(path)) {
            Some(Ok(true)) => {
                tracing::warn!(database = %path.display(), "moved the log of the database that was replaced aside");
                Ok(())
            }
            Some(Ok(false)) => Ok(()),
            Some(Err(_)) | None => Err(Error::Moved.into()),
        }
    }
}

/// Closes the connection if its files are no longer those at `path`.
pub(super) fn retire_if_moved(open: &mut Option<Handle>, path: &Path) {
    if let Some(moved) = open.take_if(|open| !open.is_in_place(path)) {
        moved.retire(path);
    }
}

/// Creates an empty file, which SQLite accepts as a new database.
fn make(path: &Path) -> std::io::Result<()> {
    let new: File = OpenOptions::new().write(true).create_new(true).mode(FOR_OWNER).open(path)?;
    // The umask may have removed more permissions.
    new.set_permissions(Permissions::from_mode(FOR_OWNER))
}

/// Rejects a file with two names: each name would have a separate log and separate windows.
fn check_names(path: &Path) -> Result<(), Failure> {
    let Some(file) = fs::metadata(path).ok().filter(fs::Metadata::is_file) else { return Ok(()) };
    if file.nlink() > 1 {
        return Err(Error::Linked.into());
    }
    if is_mounted_alone(path) {
        return Err(Error::Mounted.into());
    }
    Ok(())
}

/// Whether the file itself is a mount point, and not a folder that contains it.
#[cfg(target_os = "linux")]
fn is_mounted_alone(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let mount = |path: &Path| {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
        // Linux before 5.8 has no mount id; there, a mount from another file system is recognized by its device.
        let has_id = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        // In an overlay, the device of a file may differ from its folder's, so the mount id decides if there is
        // one.
        Some(if has_id { (found.stx_mnt_id, 0, 0) } else { (0, found.stx_dev_major, found.stx_dev_minor) })
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    mount(path) != mount(folder.unwrap_or(Path::new(".")))
}

#[cfg(not(target_os = "linux"))]
fn is_mounted_alone(_: &Path) -> bool {
    false
}
