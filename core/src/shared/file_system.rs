//! What the folder's file system and this process must be like.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use super::trouble::Trouble;

/// Which file it is, whatever its name is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl From<&fs::Metadata> for FileId {
    fn from(metadata: &fs::Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// File systems whose memory maps another machine cannot see, by their number in `statfs(2)`; and FUSE, which may be
/// one.
#[cfg(target_os = "linux")]
const REMOTE: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0000_517b, "SMB"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x1983_0326, "BeeGFS"),
    (0x6573_5546, "FUSE"),
];

/// Refuses a file system that other machines may use, too.
#[cfg(target_os = "linux")]
pub(super) fn check_local(folder: &Path) -> Result<(), Trouble> {
    let kind = rustix::fs::statfs(folder).map_err(io::Error::from)?.f_type;
    match remote(u32::try_from(kind & 0xffff_ffff).unwrap_or(0)) {
        Some(name) => Err(Trouble::Remote(name)),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn remote(kind: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn check_local(_: &Path) -> Result<(), Trouble> {
    Ok(())
}

/// How often this process has the file open. More than once is by another copy of this library, and each would drop the
/// other's POSIX locks, which belong to the process (`fcntl(2)`).
#[cfg(target_os = "linux")]
pub(super) fn times_open(file: FileId) -> io::Result<usize> {
    let open = fs::read_dir("/proc/self/fd")?.filter_map(Result::ok);
    Ok(open
        .filter(|entry| fs::metadata(entry.path()).is_ok_and(|found| FileId::from(&found) == file))
        .count())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn times_open(_: FileId) -> io::Result<usize> {
    Ok(1)
}

/// Lets those use `new`, a file or a folder, who may use the database, as SQLite does with its own files beside it.
pub(super) fn give_to_owner_of(database: &Path, new: &File) -> io::Result<()> {
    let (database, own) = (fs::metadata(database)?, new.metadata()?);
    let readable = database.permissions().mode() & 0o666;
    // Who may read and write a file may enter and change a folder.
    let mode = if own.is_dir() { readable | (readable >> 2) & 0o111 } else { readable };
    new.set_permissions(fs::Permissions::from_mode(mode))?;
    if own.uid() != database.uid() || own.gid() != database.gid() {
        // Only root can give it away; to anybody else the file belongs already, or cannot.
        let _ = fchown(new, Some(database.uid()), Some(database.gid()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_network_file_system_is_refused_by_name_and_a_local_one_is_not() {
        assert_eq!(remote(0x6969), Some("NFS"));
        assert_eq!(remote(0xef53), None);
        check_local(tempfile::tempdir().unwrap().path()).unwrap();
        // Linux's procfs is local, whatever else it is.
        check_local(Path::new("/proc")).unwrap();
    }

    #[test]
    fn what_is_made_is_for_those_who_may_use_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let (database, made) = (folder.path().join("db"), folder.path().join("made"));
        fs::write(&database, "").unwrap();
        fs::set_permissions(&database, fs::Permissions::from_mode(0o660)).unwrap();
        fs::create_dir(&made).unwrap();
        give_to_owner_of(&database, &File::open(&made).unwrap()).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o770);
    }
}
