use super::*;
use crate::deadline::{uninterrupted, wait_is_over};
use crate::ipc::Shared;

fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    fs::write(&database, "").unwrap();
    (folder, database)
}

/// What `run` returns, which a fork of another test does not cut short.
fn undisturbed<T>(run: impl Fn() -> Result<T, SegmentError>) -> Result<T, SegmentError> {
    uninterrupted(|| {
        wait_is_over();
        run()
    })
}

#[test]
fn a_generation_is_made_once_and_found_by_all() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    assert!(undisturbed(|| folder.open()).unwrap().is_none());
    undisturbed(|| folder.make(7)).unwrap();
    let made = undisturbed(|| folder.open()).unwrap().unwrap().header;
    undisturbed(|| folder.make(8)).unwrap();
    assert_eq!(undisturbed(|| folder.open()).unwrap().unwrap().header, made);
    let shared = Shared::beside(&database);
    let version_counters = &shared.open().unwrap().unwrap().version_counters;
    assert_eq!(version_counters.of_known(&crate::secret::Digest::of(b"any")), 7, "what is older is not good");
}

#[test]
fn a_file_that_was_cut_short_or_overwritten_is_made_anew() {
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
    // What earlier generations left is gone.
    assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 3);
}

#[test]
fn every_byte_that_is_written_through_a_map_is_taken_of_the_disk_before() {
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
    // The words, and of the counters and the last uses a file each and its locks.
    assert_eq!(seen, 5);
}

#[test]
fn a_folder_that_readers_of_the_database_could_enter_is_taken_from_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let (_folder, database) = database();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
    let folder = Folder::beside(&database);
    undisturbed(|| folder.make(1)).unwrap();
    let mode = || fs::metadata(&folder.path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    // As an earlier version made it.
    fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o755)).unwrap();
    undisturbed(|| folder.open()).unwrap().unwrap();
    assert_eq!(mode(), 0o700);
}

#[test]
fn a_generation_in_use_is_not_made_anew() {
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
    assert_eq!(undisturbed(|| folder.open()).unwrap().unwrap().header, ours, "what was counted is kept");
}

#[test]
fn a_second_copy_of_this_library_in_one_process_is_rejected() {
    let (_folder, database) = database();
    let folder = Folder::beside(&database);
    undisturbed(|| folder.make(1)).unwrap();
    // Another copy would hold a file of its own, as this one does.
    let _theirs = undisturbed(|| folder.open()).unwrap().unwrap();
    assert!(matches!(undisturbed(|| folder.open()), Err(SegmentError::SecondCopy)));
}
