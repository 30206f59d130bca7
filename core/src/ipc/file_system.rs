//! The requirements on the file system of the shared folder, and the permissions of its files.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt, PermissionsExt, fchown};
use std::path::Path;
use std::time::UNIX_EPOCH;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use serde::{Deserialize, Serialize};

use super::error::SegmentError;

/// The identity of a file, independent of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
    /// The creation time in ns, because the number of a deleted file is reused. 0 if the file system does not store
    /// it.
    made: u64,
}

impl FileId {
    /// The file at `path`, if there is one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&fs::Metadata> for FileId {
    fn from(metadata: &fs::Metadata) -> Self {
        let made = metadata.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let made = made.map_or(0, |made| u64::try_from(made.as_nanos()).unwrap_or(u64::MAX));
        Self { device: metadata.dev(), inode: metadata.ino(), made }
    }
}

/// File systems whose memory maps another machine cannot see, by their number in `statfs(2)`, and FUSE, which may
/// be one.
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

/// Rejects a file system that other machines may use too.
#[cfg(target_os = "linux")]
pub(super) fn check_local(folder: &Path) -> Result<(), SegmentError> {
    let kind = rustix::fs::statfs(folder).map_err(io::Error::from)?.f_type;
    match remote(u32::try_from(kind & 0xffff_ffff).unwrap_or(0)) {
        Some(name) => Err(SegmentError::Remote(name)),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn remote(kind: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn check_local(_: &Path) -> Result<(), SegmentError> {
    Ok(())
}

/// How often this process has the file open. If it is more than once, another copy of this library has opened it,
/// and closing one would drop the POSIX locks of the other, which belong to the process (`fcntl(2)`).
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

/// Allocates the first `size` bytes of a file on disk. No process uses those from `used` on. Bytes that are written
/// through a map must be allocated before: here a full disk is an error, there it would be a signal.
pub(super) fn allocate(file: &File, used: u64, size: u64) -> io::Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Err(Errno::INTR) => {}
            // Not every file system supports this.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => break,
            taken => return Ok(taken?),
        }
    }
    let mut at = used;
    while at < size {
        let length = (size - at).min(ZEROS.len() as u64);
        file.write_all_at(ZEROS.get(..usize::try_from(length).unwrap_or(0)).unwrap_or(&ZEROS), at)?;
        at += length;
    }
    Ok(())
}

/// Gives the users of the database access to `new`, a file or a folder: it gets the group of the database, and from
/// root its owner, for users who may read and write the database. A user who may only read the database gets no
/// access: they need none of these files, and could lock a file that they can open.
pub(super) fn give_to_users_of(database: &Path, new: &File) -> io::Result<()> {
    give(database, new, users_of)
}

/// The mode of a file next to a database with this mode.
pub(super) fn users_of(mode: u32) -> u32 {
    [0o060, 0o006].into_iter().filter(|users| mode & users == *users).fold(0o600, |mode, users| mode | users)
}

/// Gives access to `new`, which contains secrets or a copy of the records, to the users who may write the database:
/// its owner, and its group if an operator lets the group write.
pub(crate) fn give_to_writers_of(database: &Path, new: &File) -> io::Result<()> {
    give(database, new, |mode| if mode & 0o060 == 0o060 { 0o660 } else { 0o600 })
}

fn give(database: &Path, new: &File, mode: impl FnOnce(u32) -> u32) -> io::Result<()> {
    let (database, own) = (fs::metadata(database)?, new.metadata()?);
    if own.uid() != database.uid() {
        // Only root can change the owner of a file.
        let _ = fchown(new, Some(database.uid()), None);
    }
    // Other users can set a group that they belong to.
    let has_group = own.gid() == database.gid() || fchown(new, None, Some(database.gid())).is_ok();
    let mut mode = mode(database.permissions().mode());
    if !has_group {
        // Rights of the database's group must not go to another group.
        mode &= 0o606;
    }
    // A user who may read and write files may enter and change a folder.
    let mode = if own.is_dir() { mode | (mode >> 2) & 0o111 } else { mode };
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_network_file_system_is_rejected_by_name_and_a_local_one_is_not() {
        assert_eq!(remote(0x6969), Some("NFS"));
        assert_eq!(remote(0xef53), None);
        check_local(tempfile::tempdir().unwrap().path()).unwrap();
        // Linux's procfs is local.
        check_local(Path::new("/proc")).unwrap();
    }

    #[test]
    fn new_files_are_accessible_to_the_users_of_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let (database, made) = (folder.path().join("db"), folder.path().join("made"));
        fs::write(&database, "").unwrap();
        fs::set_permissions(&database, fs::Permissions::from_mode(0o660)).unwrap();
        fs::create_dir(&made).unwrap();
        give_to_users_of(&database, &File::open(&made).unwrap()).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o770);
    }

    #[test]
    fn read_access_to_the_database_gives_no_access_to_the_files_that_are_locked() {
        for (database, beside) in
            [(0o644, 0o600), (0o664, 0o660), (0o666, 0o666), (0o646, 0o606), (0o400, 0o600)]
        {
            assert_eq!(users_of(database), beside, "{database:o}");
        }
    }

    #[test]
    fn allocated_bytes_are_on_disk_and_existing_content_is_kept() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"there", 0).unwrap();
        allocate(&file, 5, 100_000).unwrap();
        let found = file.metadata().unwrap();
        assert!(found.len() == 100_000 && found.blocks() * 512 >= 100_000, "{}", found.blocks());
        let mut there = [0; 6];
        file.read_exact_at(&mut there, 0).unwrap();
        assert_eq!(&there, b"there\0");
    }
}
