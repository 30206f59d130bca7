//! Two writers at the same time. Each has read before the other one wrote, so the statements alone must decide which of
//! them succeeds.

use super::accounts::add_session;
use super::usage::event;
use super::{TENANT, add_key, add_tenant, add_user, digest, key_id, user_id};
use crate::id::SessionId;
use crate::store::{FailedLogins, NewKey, Purpose, Room, Store, SumOf, UsageSum};

pub(super) fn of_two_owners_who_leave_at_the_same_time_one_stays(store: &Store) {
    add_tenant(store);
    for user in [1, 2] {
        add_user(store, user);
        store.write(|tx| tx.add_member(TENANT, user_id(user), "owner", 1)).unwrap();
    }
    // Both have read two owners.
    let leave = |user| store.write(|tx| tx.remove_member(TENANT, user_id(user), "owner")).unwrap();
    assert_eq!((leave(1), leave(2)), (true, false));
    let demote = store.write(|tx| tx.set_role(TENANT, user_id(2), "member", "owner")).unwrap();
    assert!(!demote);
}

pub(super) fn the_first_root_key_is_added_once(store: &Store) {
    add_tenant(store);
    let add =
        |number| store.write(|tx| tx.add_first_root_key(key_id(number), TENANT, &digest(number), 1)).unwrap();
    assert_eq!((add(1), add(2)), (true, false));
    store
        .read_rows(|rows| {
            assert!(rows.root_key(&digest(1))?.is_some() && rows.root_key(&digest(2))?.is_none());
            Ok(())
        })
        .unwrap();
    // The root key of a removed tenant does not count.
    store.write(|tx| tx.remove_tenant(TENANT, 7)).unwrap();
    assert!(store.write(|tx| tx.add_first_root_key(key_id(3), TENANT, &digest(3), 1)).unwrap());
}

pub(super) fn two_additions_that_read_the_same_sum_do_not_exceed_the_limit(store: &Store) {
    let of = SumOf { subject: "a", period: "hour", starts: 0 };
    let add = |quantity, fitted, limit| {
        let more = UsageSum { quantity, events: 1 };
        let room = Some(Room { quantity: fitted, limit });
        store.write(|tx| tx.add_to_usage_sum(&of, more, room)).unwrap()
    };
    // Both have read an empty bucket, with room for 3 of 5.
    assert_eq!((add(3, 3, 5), add(3, 3, 5), add(2, 2, 5)), (true, false, true));
    // Of 4 only the first has to fit: the others are recorded without a check.
    assert_eq!((add(4, 1, 6), add(4, 1, 6)), (true, false));
    let sum = store.read_rows(|rows| rows.usage_sum(&of)).unwrap();
    assert_eq!(sum, UsageSum { quantity: 9, events: 3 });
}

pub(super) fn of_two_events_with_one_idempotency_key_one_is_added(store: &Store) {
    add_tenant(store);
    let first = [event(1, None, Some("k"))];
    assert!(store.write(|tx| tx.add_usage_events(&first)).unwrap());
    let second: Vec<_> = (2..30).map(|number| event(number, None, (number == 9).then_some("k"))).collect();
    assert!(!store.write(|tx| tx.add_usage_events(&second)).unwrap());
    let stored = store.read_rows(|rows| rows.usage_event_under(TENANT, "k")).unwrap().unwrap();
    assert_eq!(stored.id.bits(), 1);
}

pub(super) fn of_two_exchanges_of_a_token_one_finds_it_unused(store: &Store) {
    store.write(|tx| tx.add_one_time_token(Purpose::Refresh, &digest(1), &"s", 100)).unwrap();
    let consume = |now| {
        let token = store.write(|tx| tx.consume(Purpose::Refresh, &digest(1), now)).unwrap();
        token.unwrap().used_at
    };
    assert_eq!((consume(50), consume(50), consume(51)), (None, Some(50), Some(50)));
}

pub(super) fn a_session_that_was_revoked_after_it_was_read_is_not_extended(store: &Store) {
    add_user(store, 1);
    add_session(store, 1, 1);
    let id = SessionId::from_bits(1);
    let seen = store.read_rows(|rows| rows.session(id)).unwrap().unwrap();
    assert!(store.write(|tx| tx.revoke_session(user_id(1), id, 50)).unwrap());
    assert!(seen.is_active(51));
    assert!(!store.write(|tx| tx.prolong_session(id, 51, 900)).unwrap());
}

pub(super) fn of_two_logins_that_read_the_same_failures_one_is_counted(store: &Store) {
    let count = |seen: FailedLogins, last_at| {
        let now = FailedLogins { count: seen.count + 1, last_at };
        store.write(|tx| tx.count_failed_login(&digest(1), "192.0.2.1", seen, now, 0)).unwrap()
    };
    let read = || store.read_rows(|rows| rows.failed_logins(&digest(1), "192.0.2.1")).unwrap();
    let none = FailedLogins::default();
    assert_eq!((count(none, 10), count(none, 10)), (true, false));
    let one = read();
    assert_eq!((count(one, 20), count(one, 20)), (true, false));
    assert_eq!((read().count, count(read(), 20)), (2, true));
}

pub(super) fn wrong_passwords_are_counted_up_to_the_limit(store: &Store) {
    let count = |at| store.write(|tx| tx.count_password_failure("192.0.2.1", at, 100, 3)).unwrap();
    // All have read none.
    assert_eq!([10, 10, 20, 20, 30].map(count), [true, true, true, false, false]);
    assert!(count(110), "the first two are out of the window");
}

pub(super) fn a_key_that_was_revoked_after_it_was_read_is_locked_as_revoked(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    let seen = store.read_rows(|rows| rows.key(key_id(1))).unwrap().unwrap();
    let revoke = |status: &str| {
        store.write(|tx| {
            let mut key = tx.key_for_update(key_id(1))?.unwrap();
            let before = std::mem::replace(&mut key.status, status.to_owned());
            tx.update_key(&key, 9)?;
            Ok(before)
        })
    };
    assert_eq!((&*revoke("revoked").unwrap(), &*seen.status), ("active", "active"));
    assert_eq!(revoke("revoked").unwrap(), "revoked");
    assert!(store.write(|tx| tx.key_for_update(key_id(2))).unwrap().is_none());
}

pub(super) fn the_old_digest_of_a_rotated_key_is_not_imported(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    store.write(|tx| tx.replace_digest(key_id(1), &digest(2), Some(500), 7)).unwrap();
    let old = digest(1);
    let import = NewKey { tenant: TENANT, hashed_suffix: Some(""), ..NewKey::plain(key_id(3), &old) };
    assert!(!store.write(|tx| tx.add_key(&import)).unwrap());
}
