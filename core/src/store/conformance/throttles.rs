//! Wrong passwords, and rows that are deleted after a while.

use super::accounts::add_session;
use super::{add_user, digest, user_id};
use crate::store::{FailedLogins, LastPruning, Old, Purpose, Store};

const ADDRESS: &str = "192.0.2.1";

pub(super) fn wrong_passwords_are_those_of_the_last_window(store: &Store) {
    let count = |at| store.write(|tx| tx.count_password_failure(ADDRESS, at, 100, 9)).unwrap();
    assert!(count(10) && count(10) && count(50));
    let read = |address, now| {
        let rows = store.read_rows(|rows| rows.password_failures(address, now, 100)).unwrap();
        rows.into_iter().map(|row| (row.at, row.count)).collect::<Vec<_>>()
    };
    assert_eq!(read(ADDRESS, 60), [(10, 2), (50, 1)]);
    assert_eq!((read(ADDRESS, 110), read(ADDRESS, 49)), (vec![(50, 1)], vec![(10, 2)]));
    assert!(read("192.0.2.2", 60).is_empty());
    store.write(|tx| tx.uncount_password_failure(ADDRESS, 50)).unwrap();
    store.write(|tx| tx.uncount_password_failure(ADDRESS, 50)).unwrap();
    assert_eq!(read(ADDRESS, 60), [(10, 2)]);
    count(110);
    assert_eq!(read(ADDRESS, 110), [(110, 1)], "older ones are removed");
}

pub(super) fn failed_logins_are_of_an_account_and_an_address(store: &Store) {
    let read = |account, address| {
        let failed = store.read_rows(|rows| rows.failed_logins(&digest(account), address)).unwrap();
        (failed.count, failed.last_at)
    };
    let count = |seen: (u32, i64), now: (u32, i64)| {
        let [seen, now] = [seen, now].map(|(count, last_at)| FailedLogins { count, last_at });
        store.write(|tx| tx.count_failed_login(&digest(1), ADDRESS, seen, now, 0)).unwrap()
    };
    assert_eq!(read(1, ADDRESS), (0, 0));
    assert!(count((0, 0), (1, 10)) && count((1, 10), (2, 20)));
    assert_eq!((read(1, ADDRESS), read(2, ADDRESS), read(1, "*")), ((2, 20), (0, 0), (0, 0)));
    store.write(|tx| tx.uncount_failed_login(&digest(1), ADDRESS)).unwrap();
    assert_eq!(read(1, ADDRESS), (1, 20));
    store.write(|tx| tx.forget_failed_logins(&digest(1), ADDRESS)).unwrap();
    assert_eq!(read(1, ADDRESS), (0, 0));

    let is_known = || store.read_rows(|rows| rows.is_known_address(&digest(1), ADDRESS)).unwrap();
    assert!(!is_known());
    for now in [10, 20] {
        store.write(|tx| tx.record_known_address(&digest(1), ADDRESS, now)).unwrap();
    }
    assert!(is_known());
}

pub(super) fn old_rows_are_deleted_up_to_a_limit(store: &Store) {
    add_user(store, 1);
    for number in 1..=3 {
        add_session(store, number, 1);
    }
    let delete = |old, until, limit| store.write(|tx| tx.delete_old(old, until, limit)).unwrap();
    assert_eq!(delete(Old::ExpiredSessions, 99, 9), 0);
    assert_eq!((delete(Old::ExpiredSessions, 100, 2), delete(Old::ExpiredSessions, 100, 2)), (2, 1));
    for old in Old::ALL {
        assert_eq!(delete(old, i64::MAX, 9), 0, "{old:?}");
    }
    let last = LastPruning { seen_at: 7, boot_ms: 8 };
    store.write(|tx| tx.set_last_pruning(last)).unwrap();
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
    let read = store.read_rows(|rows| rows.last_pruning()).unwrap();
    assert_eq!(read, last);
}

pub(super) fn times_of_the_future_become_the_present(store: &Store) {
    add_user(store, 1);
    add_session(store, 1, 90);
    store.write(|tx| tx.add_one_time_token(Purpose::Refresh, &digest(1), &"a", 900)).unwrap();
    assert_eq!(store.write(|tx| tx.clamp_times(20, 50)).unwrap(), 2);
    let sessions = store.read_rows(|rows| rows.sessions_of(user_id(1), 20, None, 9)).unwrap();
    let session = &sessions[0];
    assert_eq!((session.created_at, session.last_used_at, session.expires_at), (1, 20, 50));
    assert!(store.read_rows(|rows| rows.one_time_token(Purpose::Refresh, &digest(1), 50)).unwrap().is_none());
    assert_eq!(store.write(|tx| tx.clamp_times(20, 50)).unwrap(), 0);
}
