//! Users, their sessions and tokens, signing keys, the audit log.

use super::{EVERYTHING, TENANT, add_user, digest, user_id};
use crate::id::{AuditId, SessionId};
use crate::store::{AuditFilter, AuditRow, Bounds, Purpose, SessionRow, SigningKeyRow, SigningPeriod, Store};

fn session_id(number: u128) -> SessionId {
    SessionId::from_bits(number)
}

/// Adds a session of the first user that ends at 100.
pub(super) fn add_session(store: &Store, number: u128, last_used_at: i64) {
    let session = SessionRow {
        id: session_id(number),
        user_id: user_id(1),
        source: Some("192.0.2.1".to_owned()),
        created_at: 1,
        last_used_at,
        expires_at: 100,
        revoked_at: None,
    };
    store.write(|tx| tx.add_session(&session)).unwrap();
}

pub(super) fn an_email_address_is_of_one_user(store: &Store) {
    assert!(add_user(store, 1) && add_user(store, 2) && !add_user(store, 1));
    let (by_id, by_email) =
        store.read_rows(|rows| Ok((rows.user(user_id(1))?, rows.user_by_email("2@example.com")?))).unwrap();
    let user = by_id.unwrap();
    assert_eq!((user.id, &*user.email, user.email_verified), (user_id(1), "1@example.com", true));
    assert_eq!((user.name.as_deref(), &*user.password, user.created_at), (Some("Ada"), "$argon2id$", 5));
    let user = by_email.unwrap();
    assert_eq!((user.id, user.email_verified, user.name), (user_id(2), false, None));
    assert!(store.read_rows(|rows| rows.user_by_email("3@example.com")).unwrap().is_none());
}

pub(super) fn a_password_is_replaced_only_where_it_is_the_one_that_was_checked(store: &Store) {
    add_user(store, 1);
    let replace = |old, new| store.write(|tx| tx.replace_password(user_id(1), old, new, 9)).unwrap();
    assert!(replace("$argon2id$", "first") && !replace("$argon2id$", "second"));
    let user = store.read_rows(|rows| rows.user(user_id(1))).unwrap().unwrap();
    assert_eq!(user.password, "first");
}

pub(super) fn a_session_is_active_until_it_ends_or_is_revoked(store: &Store) {
    add_user(store, 1);
    add_session(store, 1, 1);
    let session = |number| store.read_rows(|rows| rows.session(session_id(number))).unwrap();
    let read = session(1).unwrap();
    assert_eq!((read.user_id, read.source.as_deref(), read.created_at), (user_id(1), Some("192.0.2.1"), 1));
    assert!(read.is_active(99) && !read.is_active(100) && session(2).is_none());

    let prolong = |now, end| store.write(|tx| tx.prolong_session(session_id(1), now, end)).unwrap();
    assert!(prolong(50, 200) && !prolong(200, 300));
    let read = session(1).unwrap();
    assert_eq!((read.last_used_at, read.expires_at), (50, 200));
    let revoke = |user, now| store.write(|tx| tx.revoke_session(user_id(user), session_id(1), now)).unwrap();
    assert!(!revoke(2, 60) && !revoke(1, 200) && revoke(1, 60) && !revoke(1, 61));
    assert_eq!(session(1).unwrap().revoked_at, Some(60));

    for number in 2..5 {
        add_session(store, number, 1);
    }
    let kept = Some(session_id(3));
    assert_eq!(store.write(|tx| tx.revoke_sessions(user_id(1), kept, 70)).unwrap(), 2);
    assert!(session(3).unwrap().is_active(70) && !session(4).unwrap().is_active(70));
}

pub(super) fn sessions_are_listed_in_the_order_of_their_ids(store: &Store) {
    add_user(store, 1);
    for (number, used) in [(3, 10), (1, 30), (2, 20), (4, 40)] {
        add_session(store, number, used);
    }
    store.write(|tx| tx.revoke_session(user_id(1), session_id(4), 50)).unwrap();
    let list = |now, after, limit| {
        let rows = store.read_rows(|rows| rows.sessions_of(user_id(1), now, after, limit)).unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(50, None, 9), [1, 2, 3].map(session_id));
    assert_eq!(list(50, Some(session_id(1)), 1), [session_id(2)]);
    assert!(list(100, None, 9).is_empty());
    let beyond = |kept| store.read_rows(|rows| rows.sessions_beyond(user_id(1), kept, 50)).unwrap();
    assert_eq!(beyond(1), [2, 3].map(session_id), "those that were used longest ago");
    assert!(beyond(3).is_empty());
}

pub(super) fn a_token_is_used_once_and_known_until_it_ends(store: &Store) {
    store
        .write(|tx| {
            tx.add_one_time_token(Purpose::Refresh, &digest(1), &"subject", 100)?;
            assert!(tx.consume(Purpose::Refresh, &digest(2), 50)?.is_none());
            let first = tx.consume(Purpose::Refresh, &digest(1), 50)?.unwrap();
            assert_eq!((&*first.subject, first.used_at), ("subject", None));
            let second = tx.consume(Purpose::Refresh, &digest(1), 60)?.unwrap();
            assert_eq!(second.used_at, Some(50));
            assert!(tx.consume(Purpose::Refresh, &digest(1), 100)?.is_none(), "it has ended");
            tx.forget_ended_tokens(&"subject", 99)?;
            assert!(tx.one_time_token(Purpose::Refresh, &digest(1), 99)?.is_some());
            tx.forget_ended_tokens(&"subject", 100)?;
            assert!(tx.one_time_token(Purpose::Refresh, &digest(1), 99)?.is_none());
            Ok(())
        })
        .unwrap();
}

pub(super) fn signing_keys_are_read_in_the_order_in_which_they_sign(store: &Store) {
    let key = |id: &str, algorithm: &str, from| SigningKeyRow {
        id: id.to_owned(),
        algorithm: algorithm.to_owned(),
        private_key: vec![0, 255],
        public_key: "{}".to_owned(),
        created_at: 1,
        signs: SigningPeriod { from, until: None },
    };
    let ids = || {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        let rows = store.read_rows(|rows| rows.signing_keys()).unwrap();
        rows.into_iter().map(|row| (row.id, row.signs.until)).collect::<Vec<_>>()
    };
    let named = |id: &str, until| (id.to_owned(), until);
    store
        .write(|tx| {
            tx.add_signing_key(&key("a", "EdDSA", 10))?;
            tx.add_signing_key(&key("b", "RS256", 20))?;
            tx.retire_signing_keys("EdDSA", 30)?;
            tx.add_signing_key(&key("c", "EdDSA", 30))?;
            tx.reseal_signing_key("c", &[7])
        })
        .unwrap();
    assert_eq!(ids(), [named("c", None), named("b", None), named("a", Some(30))]);
    store.write(|tx| tx.remove_signing_keys_retired_before(30)).unwrap();
    assert_eq!(ids().len(), 3);
    store.write(|tx| tx.remove_signing_keys_retired_before(31)).unwrap();
    store.write(|tx| tx.remove_signing_key("b")).unwrap();
    assert_eq!(ids(), [named("c", None)]);
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
    let read = store.read_rows(|rows| rows.signing_keys()).unwrap().remove(0);
    assert_eq!((&*read.private_key, &*read.public_key, read.signs.from), (&[7][..], "{}", 30));
}

pub(super) fn audit_events_are_read_newest_first_through_a_filter(store: &Store) {
    let event = |number: u128, of_tenant: bool, actor: &str, action: &str| AuditRow {
        id: AuditId::from_bits(number),
        tenant_id: of_tenant.then_some(TENANT),
        actor_type: "user".into(),
        actor_id: Some(actor.to_owned()),
        action: action.to_owned(),
        target: None,
        metadata: Some(r#"{"a":1}"#.to_owned()),
        source: None,
        created_at: i64::try_from(number).unwrap() * 10,
    };
    store
        .write(|tx| {
            for row in [
                event(1, true, "a", "key.created"),
                event(2, true, "b", "key.revoked"),
                event(3, false, "a", "user.created"),
                event(4, true, "a", "keys"),
            ] {
                tx.add_audit_event(&row)?;
            }
            Ok(())
        })
        .unwrap();
    let read = |tenant, filter: AuditFilter, before: Option<u128>, bounds| {
        let before = before.map(AuditId::from_bits);
        let part = store.read_rows(|rows| rows.audit_events(tenant, &filter, before, bounds)).unwrap();
        part.rows.into_iter().map(|row| row.id.bits()).collect::<Vec<_>>()
    };
    let all = AuditFilter::default;
    assert_eq!(read(None, all(), None, EVERYTHING), [4, 3, 2, 1]);
    assert_eq!(read(Some(TENANT), all(), None, EVERYTHING), [4, 2, 1]);
    assert_eq!(read(Some(TENANT), all(), Some(4), Bounds { rows: 1, ..EVERYTHING }), [2]);
    let filter = AuditFilter { actor_id: Some("a".to_owned()), ..all() };
    assert_eq!(read(None, filter, None, EVERYTHING), [4, 3, 1]);
    let filter = AuditFilter { action_prefix: Some("key.".to_owned()), ..all() };
    assert_eq!(read(None, filter, None, EVERYTHING), [2, 1]);
    let filter = AuditFilter { from: Some(20), to: Some(40), ..all() };
    assert_eq!(read(None, filter, None, EVERYTHING), [3, 2]);
}
