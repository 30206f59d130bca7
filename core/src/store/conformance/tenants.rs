//! Tenants and their root keys.

use super::{TENANT, add_key, add_tenant, add_user, digest, key_id, size, user_id};
use crate::id::TenantId;
use crate::store::{BoundRootKey, DEFAULT_TENANT, Quota, Store, TenantSize, UsageSum};

pub(super) fn a_tenant_is_read_as_it_was_written(store: &Store) {
    add_tenant(store);
    let tenant = || store.read_rows(|rows| rows.tenant(TENANT)).unwrap().unwrap();
    let read = tenant();
    assert_eq!((read.id, &*read.name, read.created_at), (TENANT, "Acme", 1));
    assert_eq!((read.quota_limit, &*read.quota_period), (None, "month"));
    store.write(|tx| tx.rename_tenant(TENANT, "Other")).unwrap();
    store.write(|tx| tx.set_tenant_quota(TENANT, Quota { limit: Some(0), period: "hour" })).unwrap();
    let read = tenant();
    assert_eq!((&*read.name, read.quota_limit, &*read.quota_period), ("Other", Some(0), "hour"));
}

pub(super) fn a_removed_tenant_disappears_with_its_keys_and_leaves_no_rows(store: &Store) {
    add_tenant(store);
    add_user(store, 1);
    add_key(store, 1, |_| ());
    store.write(|tx| tx.add_member(TENANT, user_id(1), "owner", 3)).unwrap();
    store.write(|tx| tx.add_root_key(key_id(9), TENANT, &digest(9), 0)).unwrap();
    let of = crate::store::SumOf { subject: &TENANT.to_string(), period: "hour", starts: 0 };
    let sum = UsageSum { quantity: 1, events: 1 };
    store.write(|tx| tx.add_to_usage_sum(&of, sum, None)).unwrap();

    store.write(|tx| tx.remove_tenant(TENANT, 7)).unwrap();
    store
        .read_rows(|rows| {
            assert!(rows.tenant(TENANT)?.is_none() && rows.root_key(&digest(9))?.is_none());
            assert!(!rows.has_root_key()? && rows.role_name(TENANT, user_id(1))?.is_none());
            assert!(rows.tenants_of(user_id(1), None, 9)?.is_empty());
            assert!(rows.key_by_digest(&digest(1))?.is_some_and(|key| !key.is_active));
            Ok(())
        })
        .unwrap();
    while store.delete_removed(1).unwrap() {}
    store
        .read_rows(|rows| {
            assert!(rows.key_by_digest(&digest(1))?.is_none() && rows.member(TENANT, user_id(1))?.is_none());
            assert_eq!(rows.usage_sum(&of)?, UsageSum::default());
            Ok(())
        })
        .unwrap();
}

pub(super) fn tenants_are_listed_in_the_order_of_their_ids(store: &Store) {
    for number in [3, 1, 2] {
        store.write(|tx| tx.add_tenant(TenantId::from_bits(number), "a", 0)).unwrap();
    }
    let list = |after, limit| {
        let rows = store.read_rows(|rows| rows.tenants(after, limit)).unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 9), [0, 1, 2, 3].map(TenantId::from_bits));
    assert_eq!(list(Some(TenantId::from_bits(1)), 1), [TenantId::from_bits(2)]);
}

pub(super) fn a_root_key_acts_for_its_tenant_until_it_is_removed(store: &Store) {
    add_tenant(store);
    let counters = &store.open_shared().unwrap().version_counters;
    let found = || {
        let read = store.read_rows(|rows| rows.root_key(&digest(1))).unwrap();
        let versioned = store.root_key(&digest(1), counters).unwrap();
        assert_eq!(versioned.found, read);
        assert!(versioned.number >= counters.of_known(&digest(1)));
        read
    };
    assert_eq!(found(), None);
    store.write(|tx| tx.add_root_key(key_id(1), TENANT, &digest(1), 5)).unwrap();
    store.write(|tx| tx.add_root_key(key_id(2), TENANT, &digest(2), 6)).unwrap();
    assert_eq!(found(), Some(BoundRootKey { id: key_id(1), tenant: TENANT }));
    let list = |after| {
        let rows = store.read_rows(|rows| rows.root_keys(TENANT, after, 9)).unwrap();
        rows.into_iter().map(|row| (row.id, row.created_at)).collect::<Vec<_>>()
    };
    assert_eq!(list(None), [(key_id(1), 5), (key_id(2), 6)]);
    assert_eq!(list(Some(key_id(1))), [(key_id(2), 6)]);
    assert_eq!(store.write(|tx| tx.remove_root_key(key_id(1))).unwrap(), Some(TENANT));
    assert_eq!(store.write(|tx| tx.remove_root_key(key_id(1))).unwrap(), None);
    assert_eq!(found(), None);
}

pub(super) fn how_large_a_tenant_is_follows_its_rows(store: &Store) {
    add_tenant(store);
    add_user(store, 1);
    add_key(store, 1, |key| key.metadata = Some(r#"{"a":"ü"}"#));
    add_key(store, 2, |_| ());
    add_key(store, 3, |key| key.tenant = DEFAULT_TENANT);
    store.write(|tx| tx.add_member(TENANT, user_id(1), "owner", 3)).unwrap();
    assert_eq!(size(store), TenantSize { keys: 2, members: 1, metadata_bytes: 10 });
    let mut key = store.read_rows(|rows| rows.key(key_id(1))).unwrap().unwrap();
    key.metadata = None;
    store.write(|tx| tx.update_key(&key, 9)).unwrap();
    store.write(|tx| tx.delete_key(key_id(2))).unwrap();
    store.write(|tx| tx.remove_member(TENANT, user_id(1), "kept")).unwrap();
    assert_eq!(size(store), TenantSize { keys: 1, members: 0, metadata_bytes: 0 });
}
