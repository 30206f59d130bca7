use super::*;

fn shared_on_file() -> (tempfile::TempDir, Shared) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    std::fs::write(&database, "").unwrap();
    let shared = Shared::beside(&database);
    shared.open_or_make(1).unwrap();
    (folder, shared)
}

fn key(number: u128) -> KeyId {
    KeyId::from_bits(number)
}

#[test]
fn the_latest_use_of_a_key_is_pending_until_it_is_moved() {
    let (_folder, on_file) = shared_on_file();
    for shared in [on_file, Shared::in_memory().unwrap()] {
        let segment = shared.open().unwrap().unwrap();
        for (id, used_at) in [(1, 5000), (2, 6000), (1, 7000), (2, 5000)] {
            assert_eq!(shared.touch(segment, key(id), used_at, true), Touched::Noted);
        }
        let waiting = shared.last_uses(10);
        assert_eq!(waiting.len(), 2);
        assert_eq!(shared.last_uses_of(&[key(2), key(3)]), [(key(2), 6000)]);
        assert_eq!(shared.last_uses(1).len(), 1);

        // One of the two keys is used again while the times are moved.
        shared.touch(segment, key(1), 9000, true);
        shared.forget_last_uses(&waiting);
        assert_eq!(shared.last_uses(10), [(key(1), 9000)]);
    }
}

#[test]
fn a_use_recorded_by_a_clock_that_was_ahead_is_replaced_by_a_current_one() {
    let (_folder, on_file) = shared_on_file();
    for shared in [on_file, Shared::in_memory().unwrap()] {
        let segment = shared.open().unwrap().unwrap();
        for (used_at, latest) in [(900_000, 900_000), (899_000, 900_000), (500_000, 500_000)] {
            shared.touch(segment, key(1), used_at, true);
            assert_eq!(shared.last_uses(10), [(key(1), latest)]);
        }
    }
}

#[test]
fn recorded_times_outlive_the_process_that_recorded_them() {
    let (folder, shared) = shared_on_file();
    shared.touch(shared.open().unwrap().unwrap(), key(1), 5000, true);
    shared.close();
    let other = Shared::beside(&folder.path().join("gatekeeper.db"));
    assert_eq!(other.last_uses(10), [(key(1), 5000)]);
}

#[test]
fn a_file_that_is_not_open_is_opened_only_where_waiting_is_allowed() {
    let (_folder, shared) = shared_on_file();
    let segment = shared.open().unwrap().unwrap();
    assert_eq!(shared.touch(segment, key(1), 5000, false), Touched::NotOpen);
    assert_eq!(shared.touch(segment, key(1), 5000, true), Touched::Noted);
    assert_eq!(shared.touch(segment, key(2), 5000, false), Touched::Noted);
}

#[test]
fn the_number_of_pending_keys_is_bounded() {
    let (_folder, on_file) = shared_on_file();
    for shared in [on_file, Shared::in_memory().unwrap()] {
        let segment = shared.open().unwrap().unwrap();
        for number in 0..MAX_WAITING as u128 {
            assert_eq!(shared.touch(segment, key(number), 5000, true), Touched::Noted);
        }
        assert_eq!(shared.touch(segment, key(u128::MAX), 5000, true), Touched::Full);
        assert_eq!(shared.touch(segment, key(7), 6000, true), Touched::Noted, "it is already pending");
        shared.forget_last_uses(&shared.last_uses(10));
        assert_eq!(shared.touch(segment, key(u128::MAX), 5000, true), Touched::Noted);
    }
}
