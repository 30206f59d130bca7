//! The file of a database: made where it may be, and noticed where it was taken away, replaced, or has two names.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use super::Store;
use super::connection::Handle;
use super::failure::Failure;
use crate::ipc::DatabaseFiles;

/// What a new database may be used by: its owner alone, whatever the umask says.
const FOR_OWNER: u32 = 0o600;

impl Store {
    /// The connection that writes to the file at `path`, which is made at the first opening.
    pub(super) fn writer_of(&self, path: &Path) -> Result<Handle, Failure> {
        self.find_or_make(path)?;
        check_names(path)?;
        self.clear_way(path)?;
        let writer = match Handle::writer(path) {
            // A layered file system makes another file of one that is opened to write for the first time.
            Err(Failure::Moved) => Handle::writer(path)?,
            writer => writer?,
        };
        self.was_open.store(true, Relaxed);
        writer.files.inspect(|files| self.shared.note_database_files(*files));
        Ok(writer)
    }

    /// Fails where `files` are no longer those of the database: what is written to them is lost.
    pub(super) fn check_in_place(&self, files: Option<DatabaseFiles>) -> Result<(), Failure> {
        match (&self.path, files) {
            (Some(path), Some(files)) if !files.are_at(path) => Err(Failure::Moved),
            _ => Ok(()),
        }
    }

    /// Closes what is open of files that were taken away or replaced, and is not in use.
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
            Ok(found) if was_open && found.len() == 0 => Err(Failure::Gone),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if was_open {
                    return Err(Failure::Gone);
                }
                if !self.may_create.load(Relaxed) {
                    return Err(Failure::NotThere);
                }
                // Where it cannot be made, opening it says why.
                if make(path).is_ok() {
                    self.created.store(true, Relaxed);
                    tracing::warn!(event = "created", database = %path.display(), "made a new database");
                }
                Ok(())
            }
            // What else may be wrong is found when it is opened.
            _ => Ok(()),
        }
    }

    /// Takes away what a database left that was here before: SQLite would read its log as if it were this one's.
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
            Some(Err(_)) | None => Err(Failure::Moved),
        }
    }
}

/// Closes the connection where its files are no longer those at `path`.
pub(super) fn retire_if_moved(open: &mut Option<Handle>, path: &Path) {
    if let Some(moved) = open.take_if(|open| !open.is_in_place(path)) {
        moved.retire(path);
    }
}

/// Makes an empty file, which SQLite takes for a new database.
fn make(path: &Path) -> std::io::Result<()> {
    let new: File = OpenOptions::new().write(true).create_new(true).mode(FOR_OWNER).open(path)?;
    // The umask may have taken away more.
    new.set_permissions(Permissions::from_mode(FOR_OWNER))
}

/// Rejects a file with two names. Each name would have a log and windows of its own beside it.
fn check_names(path: &Path) -> Result<(), Failure> {
    let Some(file) = fs::metadata(path).ok().filter(fs::Metadata::is_file) else { return Ok(()) };
    if file.nlink() > 1 {
        return Err(Failure::Linked);
    }
    if is_mounted_alone(path) {
        return Err(Failure::Mounted);
    }
    Ok(())
}

/// Whether the file itself is mounted, and not a folder that holds it.
#[cfg(target_os = "linux")]
fn is_mounted_alone(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let mount = |path: &Path| {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
        // Linux before 5.8 does not say; a mount from another file system is known by its device.
        let has_id = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        // An overlay may give a file another device than its folder: where there is an id, it alone says.
        Some(if has_id { (found.stx_mnt_id, 0, 0) } else { (0, found.stx_dev_major, found.stx_dev_minor) })
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    mount(path) != mount(folder.unwrap_or(Path::new(".")))
}

#[cfg(not(target_os = "linux"))]
fn is_mounted_alone(_: &Path) -> bool {
    false
}
