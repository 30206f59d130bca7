//! The files of a database: the database file itself, and the write-ahead log and its index next to it.
//!
//! SQLite keeps all three open for as long as a connection lives, and never checks their names again. If a file is
//! removed, renamed or replaced, that goes unnoticed: commits are lost, and reads are stale. A process that opens
//! the new file finds the log of the old one, and would read its pages as the new file's.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file_system::{FileId, users_of};

/// The files of a database when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseFiles {
    database: FileId,
    /// None before the log exists.
    log: Option<FileId>,
    index: Option<FileId>,
}

impl DatabaseFiles {
    /// The files at `path` now. The log gets the mode and the group of the database, so that an operator who shares
    /// one file with other users shares all of them. The index is shared only with users who may also write: a user
    /// who can read it can lock it, and then every writer waits.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let database = fs::metadata(path)?;
        let mode = database.permissions().mode() & 0o666;
        let side_file = |path: PathBuf, mode: u32| {
            let found = fs::symlink_metadata(&path).ok()?;
            share_with_users_of(&database, &path, &found, mode);
            Some(FileId::from(&found))
        };
        Ok(Self {
            database: FileId::from(&database),
            log: side_file(log_of(path), mode),
            index: side_file(index_of(path), users_of(mode)),
        })
    }

    /// Whether the database at `path` is still the same file.
    pub(crate) fn has_database_at(&self, path: &Path) -> bool {
        FileId::at(path) == Some(self.database)
    }

    /// Whether every file is still at its path.
    pub(crate) fn are_at(&self, path: &Path) -> bool {
        let is_there = |file: Option<FileId>, path: PathBuf| file.is_none() || FileId::at(&path) == file;
        self.has_database_at(path) && is_there(self.log, log_of(path)) && is_there(self.index, index_of(path))
    }

    /// Removes the log and the index of this database if another database is now at `path`. The log is kept under
    /// another name, until the next time. Returns whether there was anything to remove.
    pub(crate) fn make_way_at(&self, path: &Path) -> io::Result<bool> {
        if FileId::at(path).is_none_or(|database| database == self.database) {
            return Ok(false);
        }
        let (log, index) = (log_of(path), index_of(path));
        let is_ours = |file: Option<FileId>, path: &Path| file.is_some() && FileId::at(path) == file;
        let has_index = is_ours(self.index, &index);
        if has_index {
            fs::remove_file(index)?;
        }
        let has_log = is_ours(self.log, &log);
        if has_log {
            fs::rename(&log, beside(path, "-wal-of-replaced"))?;
        }
        Ok(has_log || has_index)
    }
}

/// The write-ahead log of the database at `path`.
fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// The index of the write-ahead log, in shared memory.
fn index_of(path: &Path) -> PathBuf {
    beside(path, "-shm")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Gives a file the mode of the database, as SQLite does, and its group, which SQLite only does for root.
fn share_with_users_of(database: &Metadata, path: &Path, file: &Metadata, mode: u32) {
    if !file.is_file() || file.uid() != rustix::process::geteuid().as_raw() {
        return;
    }
    // Without the right to do so, other users cannot open the file, and get an error that says so.
    if file.gid() != database.gid() {
        let _ = lchown(path, None, Some(database.gid()));
    }
    if file.permissions().mode() & 0o777 != mode {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatekeeper.db");
        for file in [path.clone(), log_of(&path), index_of(&path)] {
            fs::write(file, "old").unwrap();
        }
        (folder, path)
    }

    #[test]
    fn a_removed_or_replaced_file_is_detected() {
        for suffix in ["", "-wal", "-shm"] {
            let (_folder, path) = database();
            let files = DatabaseFiles::at(&path).unwrap();
            assert!(files.are_at(&path));
            let file = beside(&path, suffix);
            fs::remove_file(&file).unwrap();
            assert!(!files.are_at(&path), "{suffix:?} was removed");
            fs::write(&file, "new").unwrap();
            assert!(!files.are_at(&path), "{suffix:?} was replaced");
            assert_eq!(files.has_database_at(&path), !suffix.is_empty());
        }
    }

    #[test]
    fn leftovers_of_a_replaced_database_are_moved_aside_and_files_of_the_new_one_stay() {
        let (_folder, path) = database();
        let files = DatabaseFiles::at(&path).unwrap();
        assert!(!files.make_way_at(&path).unwrap(), "nothing was replaced");
        let replace = |file: &Path| {
            fs::write(beside(file, ".new"), "new").unwrap();
            fs::rename(beside(file, ".new"), file).unwrap();
        };
        replace(&path);
        assert!(files.make_way_at(&path).unwrap());
        assert!(!log_of(&path).exists() && !index_of(&path).exists());
        assert_eq!(fs::read_to_string(beside(&path, "-wal-of-replaced")).unwrap(), "old");
        // A log that was copied together with its database.
        fs::write(log_of(&path), "new").unwrap();
        assert!(!files.make_way_at(&path).unwrap());
        assert_eq!(fs::read_to_string(log_of(&path)).unwrap(), "new");
    }

    #[test]
    fn the_index_of_a_world_readable_database_is_accessible_to_its_writers_only() {
        let (_folder, path) = database();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        DatabaseFiles::at(&path).unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&log_of(&path)), mode(&index_of(&path))), (0o644, 0o600));
    }

    #[test]
    fn side_files_have_the_mode_of_the_database() {
        let (_folder, path) = database();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        DatabaseFiles::at(&path).unwrap();
        for file in [log_of(&path), index_of(&path)] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o660);
        }
    }
}
