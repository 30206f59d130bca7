//! Keys, and how they are looked up.

use super::{EVERYTHING, TENANT, add_key, add_tenant, digest, key_id};
use crate::secret::Digest;
use crate::store::{Bounds, Creator, DEFAULT_TENANT, KeyRecord, KeyRow, NewKey, Quota, Store};

/// The key of this digest, as verification reads it.
fn found(store: &Store, digest: &Digest) -> Option<KeyRow> {
    let read = store.read_rows(|rows| rows.key_by_digest(digest)).unwrap();
    let versioned = store.key_by_digest(digest, &store.open_shared().unwrap().version_counters).unwrap();
    assert_eq!(versioned.found.as_ref().map(|key| key.id), read.as_ref().map(|key| key.id));
    read
}

fn record(store: &Store, number: u128) -> Option<KeyRecord> {
    store.read_rows(|rows| rows.key(key_id(number))).unwrap()
}

fn created_by(number: u128) -> Creator {
    Creator { kind: "apiKey".into(), id: Some(key_id(number).to_string()) }
}

pub(super) fn a_key_is_read_as_it_was_added(store: &Store) {
    add_tenant(store);
    let (roles, scopes) = (["pro".to_owned(), "ünï".to_owned()], ["read".to_owned()]);
    let digest = digest(1);
    let new = NewKey {
        tenant: TENANT,
        prefix: "live",
        roles: &roles,
        owner_id: Some("owner"),
        name: Some("name"),
        metadata: Some(r#"{"a":1}"#),
        expires_at: Some(900),
        created_at: 5,
        scopes: &scopes,
        quota: Quota { limit: Some(3), period: "day" },
        ..NewKey::plain(key_id(1), &digest)
    };
    assert!(store.write(|tx| tx.add_key(&new)).unwrap());
    let key = record(store, 1).unwrap();
    assert_eq!((key.id, key.tenant_id, &*key.prefix, &*key.status), (key_id(1), TENANT, "live", "active"));
    assert_eq!((key.owner_id.as_deref(), key.name.as_deref()), (Some("owner"), Some("name")));
    assert_eq!((&key.roles[..], &key.scopes[..]), (&roles[..], &scopes[..]));
    assert_eq!((key.quota_limit, &*key.quota_period, key.expires_at), (Some(3), "day", Some(900)));
    assert_eq!((key.created_at, key.updated_at, key.last_used_at), (5, 5, None));
    assert_eq!(key.created_by.unwrap().kind, "operator");
    let row = found(store, &digest).unwrap();
    assert_eq!((row.id, row.tenant, row.is_active, row.expires_at), (key_id(1), TENANT, true, Some(900)));
    assert_eq!((&row.roles[..], row.metadata.as_deref()), (&roles[..], Some(r#"{"a":1}"#)));
    assert!(found(store, &super::digest(2)).is_none() && record(store, 2).is_none());
}

pub(super) fn a_digest_is_of_one_key(store: &Store) {
    add_tenant(store);
    let one = digest(1);
    let key = |number| NewKey { tenant: TENANT, ..NewKey::plain(key_id(number), &one) };
    assert!(store.write(|tx| tx.add_key(&key(1))).unwrap());
    assert!(!store.write(|tx| tx.add_key(&key(2))).unwrap());
    assert!(record(store, 2).is_none());
}

pub(super) fn a_key_is_known_by_its_old_digest_until_that_ends(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    let ends = |number| found(store, &digest(number)).map(|key| (key.id, key.expires_at));
    store.write(|tx| tx.replace_digest(key_id(1), &digest(2), Some(500), 7)).unwrap();
    assert_eq!((ends(1), ends(2)), (Some((key_id(1), Some(500))), Some((key_id(1), None))));
    // The key itself may end earlier, and a third secret replaces the oldest.
    let mut key = record(store, 1).unwrap();
    assert_eq!(key.updated_at, 7);
    key.expires_at = Some(400);
    store.write(|tx| tx.update_key(&key, 8)).unwrap();
    assert_eq!((ends(1), ends(2)), (Some((key_id(1), Some(400))), Some((key_id(1), Some(400)))));
    store.write(|tx| tx.replace_digest(key_id(1), &digest(3), Some(300), 9)).unwrap();
    assert_eq!((ends(1), ends(2)), (None, Some((key_id(1), Some(300)))));
    store.write(|tx| tx.replace_digest(key_id(1), &digest(4), None, 10)).unwrap();
    assert_eq!((ends(2), ends(3), ends(4)), (None, None, Some((key_id(1), Some(400)))));
}

pub(super) fn a_key_that_is_not_active_has_no_old_digest(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    store.write(|tx| tx.replace_digest(key_id(1), &digest(2), Some(500), 7)).unwrap();
    let mut key = record(store, 1).unwrap();
    key.status = "disabled".to_owned();
    store.write(|tx| tx.update_key(&key, 8)).unwrap();
    assert!(found(store, &digest(1)).is_none());
    assert_eq!(found(store, &digest(2)).map(|key| key.is_active), Some(false));
    key.status = "active".to_owned();
    store.write(|tx| tx.update_key(&key, 9)).unwrap();
    assert!(found(store, &digest(1)).is_none() && found(store, &digest(2)).unwrap().is_active);
}

pub(super) fn a_deleted_key_is_not_found(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    store.write(|tx| tx.replace_digest(key_id(1), &digest(2), Some(500), 7)).unwrap();
    store.write(|tx| tx.delete_key(key_id(1))).unwrap();
    assert!(found(store, &digest(1)).is_none() && found(store, &digest(2)).is_none());
    assert!(record(store, 1).is_none());
}

pub(super) fn keys_are_listed_in_the_order_of_their_ids(store: &Store) {
    add_tenant(store);
    for number in [3, 1, 2] {
        add_key(store, number, |_| ());
    }
    add_key(store, 4, |key| key.tenant = DEFAULT_TENANT);
    let list = |after, bounds| {
        let part = store.read_rows(|rows| rows.keys(TENANT, after, bounds)).unwrap();
        part.rows.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, EVERYTHING), [1, 2, 3].map(key_id));
    assert_eq!(list(Some(key_id(1)), Bounds { rows: 1, ..EVERYTHING }), [key_id(2)]);
}

pub(super) fn a_key_is_revoked_with_the_one_that_created_it(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    for number in 2..=4 {
        add_key(store, number, |key| key.created_by = created_by(number - 1));
    }
    add_key(store, 5, |_| ());
    let generation = |number| store.read_rows(|rows| rows.generation_of_key(key_id(number))).unwrap();
    assert_eq!([1, 2, 4, 5].map(generation), [0, 1, 3, 0]);
    let revoked = store.write(|tx| tx.revoke_descendants_of_key(key_id(1), 9)).unwrap();
    assert_eq!(revoked, [2, 3, 4].map(key_id));
    let is_active = |number| found(store, &digest(number)).unwrap().is_active;
    assert_eq!([1, 2, 3, 4, 5].map(is_active), [true, false, false, false, true]);
    assert!(store.write(|tx| tx.revoke_descendants_of_key(key_id(1), 9)).unwrap().is_empty());
}

pub(super) fn the_latest_use_of_a_key_is_kept(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    let set = |used_at| {
        store.write(|tx| tx.set_last_used(key_id(1), used_at)).unwrap();
        record(store, 1).unwrap().last_used_at.unwrap()
    };
    assert_eq!((set(5000), set(4000), set(6000)), (5000, 5000, 6000));
    // A clock that was ahead by more than a minute gives way.
    assert_eq!((set(9_000_000), set(7000)), (9_000_000, 7000));
}

pub(super) fn suffixes_are_those_of_keys_that_can_be_valid(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |key| key.hashed_suffix = Some("a"));
    add_key(store, 2, |key| (key.hashed_suffix, key.expires_at) = (Some("b"), Some(100)));
    add_key(store, 3, |key| (key.hashed_suffix, key.tenant) = (Some("c"), DEFAULT_TENANT));
    add_key(store, 4, |_| ());
    store.write(|tx| tx.replace_digest(key_id(3), &digest(5), Some(100), 7)).unwrap();
    let suffixes = |now| {
        let mut read = store.read_rows(|rows| rows.imported_suffixes(now)).unwrap();
        let counters = &store.open_shared().unwrap().version_counters;
        let mut versioned = store.imported_suffixes(counters, now).unwrap();
        assert!(versioned.number > 0);
        read.sort();
        versioned.found.sort();
        assert_eq!(read, versioned.found);
        read
    };
    assert_eq!((suffixes(99), suffixes(100)), (vec!["a".into(), "b".into(), "c".into()], vec!["a".into()]));
    let has = |suffix, tenant, now| store.read_rows(|rows| rows.has_suffix(suffix, tenant, now)).unwrap();
    assert!(has("a", TENANT, 0) && has("b", TENANT, 99) && has("c", DEFAULT_TENANT, 99));
    assert!(!has("b", TENANT, 100) && !has("c", DEFAULT_TENANT, 100) && !has("a", DEFAULT_TENANT, 0));
    let holders = store.read_rows(|rows| rows.suffix_holders(99)).unwrap();
    let holders: Vec<_> =
        holders.into_iter().map(|held| (held.tenant_id, held.suffixes, held.keys)).collect();
    assert_eq!(holders, [(TENANT, 2, 2)]);
}

pub(super) fn several_digests_are_looked_up_in_their_order(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    add_key(store, 2, |_| ());
    store.write(|tx| tx.replace_digest(key_id(2), &digest(3), Some(500), 7)).unwrap();
    let counters = &store.open_shared().unwrap().version_counters;
    let read = store.keys_by_digests(&[3, 9, 1, 2].map(digest), counters).unwrap();
    let ids: Vec<_> = read.found.iter().map(|key| key.as_ref().map(|key| key.id)).collect();
    assert_eq!(ids, [Some(key_id(2)), None, Some(key_id(1)), Some(key_id(2))]);
    assert!(read.number > 0);
}

pub(super) fn valid_keys_without_a_root_key_are_counted(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |_| ());
    add_key(store, 2, |key| key.expires_at = Some(100));
    add_key(store, 3, |key| key.tenant = DEFAULT_TENANT);
    let count = |now| {
        let mut counts = store.read_rows(|rows| rows.valid_keys_without_root_key(now)).unwrap();
        counts.sort();
        counts
    };
    assert_eq!(count(99), [(DEFAULT_TENANT, 1), (TENANT, 2)]);
    assert_eq!(count(100), [(DEFAULT_TENANT, 1), (TENANT, 1)]);
    store.write(|tx| tx.add_root_key(key_id(9), TENANT, &digest(9), 0)).unwrap();
    assert_eq!(count(0), [(DEFAULT_TENANT, 1)]);
}
