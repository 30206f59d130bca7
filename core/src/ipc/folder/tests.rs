use super::*;
use crate::deadline::{uninterrupted, wait_is_over};
use crate::ipc::Shared;

fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    fs::write(&database, "").unwrap();
    (folder, database)
}

/// The result of `run`, repeated if a fork of another test interrupts it.
fn undisturbed<T>(run: impl Fn() -> Result<T, SegmentError>) -> Result<T, SegmentError> {
    uninterrupted(|| {
        wait_is_over();
        run()
    })
}

#[test]
fn a_segment_is_created_once_and_found_by_every_process() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    assert!(undisturbed(|| folder.open()).unwrap().is_none());
    undisturbed(|| folder.make(7)).unwrap();
    let made = undisturbed(|| folder.open()).unwrap().unwrap().header;
    undisturbed(|| folder.make(8)).unwrap();
    assert_eq!(undisturbed(|| folder.open()).unwrap().unwrap().header, made);
    let shared = Shared::beside(&database);
    let version_counters = &shared.open().unwrap().unwrap().version_counters;
    assert_eq!(version_counters.of_known(&crate::secret::Digest::of(b"any")), 7, "older records are stale");
}

#[test]
fn a_truncated_or_overwritten_file_is_created_again() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    for garbage in ["", "garbage", "{}", "only the header"] {
        undisturbed(|| folder.make(1)).unwrap();
        if garbage == "only the header" {
            File::options()
                .write(true)
                .open(folder.version_counters())
                .unwrap()
                .set_len(header::LENGTH as u64)
                .unwrap();
        } else {
            fs::write(folder.version_counters(), garbage).unwrap();
        }
        assert!(undisturbed(|| folder.open()).unwrap().is_none(), "{garbage:?}");
        undisturbed(|| folder.make(2)).unwrap();
        assert!(undisturbed(|| folder.open()).unwrap().is_some());
    }
    // The files of previous segments are deleted.
    assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 3);
}

#[test]
fn every_byte_that_is_written_through_a_map_is_allocated_before() {
    use crate::id::KeyId;
    use crate::ipc::Environment;

    let (_folder, database) = database();
    let shared = Shared::beside(&database);
    let segment = shared.open_or_make(1).unwrap();
    shared.touch(segment, KeyId::from_bits(1), 5000, true);
    let _counters = Environment::open(segment.counters.as_ref().unwrap(), 4 << 20).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(Folder::beside(&database).path).unwrap() {
        let (name, found) = entry.map(|entry| (entry.file_name(), entry.metadata().unwrap())).unwrap();
        assert!(found.blocks() * 512 >= found.len(), "{name:?}: {} of {}", found.blocks() * 512, found.len());
        seen += 1;
    }
    // The version counters, and for the counters and the last-used times a file each and its lock file.
    assert_eq!(seen, 5);
}

#[test]
fn readers_of_the_database_lose_access_to_a_folder_of_an_earlier_version() {
    use std::os::unix::fs::PermissionsExt as _;

    let (_folder, database) = database();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
    let folder = Folder::beside(&database);
    undisturbed(|| folder.make(1)).unwrap();
    let mode = || fs::metadata(&folder.path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    // As an earlier version created it.
    fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o755)).unwrap();
    undisturbed(|| folder.open()).unwrap().unwrap();
    assert_eq!(mode(), 0o700);
}

#[test]
fn a_segment_in_use_is_not_replaced() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    undisturbed(|| folder.make(1)).unwrap();
    let open = undisturbed(|| folder.open()).unwrap().unwrap();
    open.version_counters.write_all_at(b"another format", 0).unwrap();
    assert!(matches!(undisturbed(|| folder.make(2)), Err(SegmentError::InUse)));
    drop(open);
    undisturbed(|| folder.make(2)).unwrap();
}

#[test]
fn another_container_is_rejected_while_the_first_runs_and_takes_over_afterwards() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    undisturbed(|| folder.make(1)).unwrap();
    let theirs = undisturbed(|| folder.open()).unwrap().unwrap();
    let ours = theirs.header.clone();
    theirs.header.in_process_namespace(1).write(&theirs.version_counters).unwrap();
    assert!(matches!(undisturbed(|| folder.open()), Err(SegmentError::OtherContainer)));
    drop(theirs.version_counters);
    assert_eq!(undisturbed(|| folder.open()).unwrap().unwrap().header, ours, "the counters are kept");
}

#[test]
fn a_second_copy_of_this_library_in_one_process_is_rejected() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    undisturbed(|| folder.make(1)).unwrap();
    // Another copy would open the file separately, as this handle does.
    let _theirs = undisturbed(|| folder.open()).unwrap().unwrap();
    assert!(matches!(undisturbed(|| folder.open()), Err(SegmentError::SecondCopy)));
}
