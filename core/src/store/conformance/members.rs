//! Members of tenants.

use super::{TENANT, add_tenant, add_user, user_id};
use crate::id::TenantId;
use crate::store::{DEFAULT_TENANT, Store};

fn add(store: &Store, user: u128, role: &str) -> bool {
    add_user(store, user);
    store.write(|tx| tx.add_member(TENANT, user_id(user), role, 3)).unwrap()
}

fn role(store: &Store, user: u128) -> Option<String> {
    store.read_rows(|rows| rows.role_name(TENANT, user_id(user))).unwrap()
}

pub(super) fn a_member_has_one_role_in_a_tenant(store: &Store) {
    add_tenant(store);
    assert!(add(store, 1, "admin") && !add(store, 1, "owner"));
    assert_eq!(role(store, 1).as_deref(), Some("admin"));
    let member = store.read_rows(|rows| rows.member(TENANT, user_id(1))).unwrap().unwrap();
    assert_eq!((member.user_id, member.tenant_id, &*member.role), (user_id(1), TENANT, "admin"));
    assert_eq!(
        (&*member.email, member.name.as_deref(), member.created_at),
        ("1@example.com", Some("Ada"), 3)
    );
    assert!(store.write(|tx| tx.set_role(TENANT, user_id(1), "member", "owner")).unwrap());
    assert_eq!(role(store, 1).as_deref(), Some("member"));
    assert!(!store.write(|tx| tx.set_role(TENANT, user_id(2), "member", "owner")).unwrap());
    assert!(store.write(|tx| tx.remove_member(TENANT, user_id(1), "owner")).unwrap());
    assert!(!store.write(|tx| tx.remove_member(TENANT, user_id(1), "owner")).unwrap());
    assert_eq!(role(store, 1), None);
}

pub(super) fn members_and_tenants_are_listed_in_the_order_of_their_ids(store: &Store) {
    add_tenant(store);
    for user in [3, 1, 2] {
        add(store, user, "member");
    }
    store.write(|tx| tx.add_member(DEFAULT_TENANT, user_id(1), "owner", 3)).unwrap();
    let members = |after, limit| {
        let rows = store.read_rows(|rows| rows.members(TENANT, after, limit)).unwrap();
        rows.into_iter().map(|row| row.user_id).collect::<Vec<_>>()
    };
    assert_eq!(members(None, 9), [1, 2, 3].map(user_id));
    assert_eq!(members(Some(user_id(1)), 1), [user_id(2)]);
    let tenants = |after, limit| {
        let rows = store.read_rows(|rows| rows.tenants_of(user_id(1), after, limit)).unwrap();
        rows.into_iter().map(|row| (row.tenant.id, row.role)).collect::<Vec<(TenantId, String)>>()
    };
    assert_eq!(tenants(None, 9), [(DEFAULT_TENANT, "owner".to_owned()), (TENANT, "member".to_owned())]);
    assert_eq!(tenants(Some(DEFAULT_TENANT), 9), [(TENANT, "member".to_owned())]);
    assert_eq!(tenants(None, 1).len(), 1);
}

pub(super) fn the_last_owner_is_neither_removed_nor_given_another_role(store: &Store) {
    add_tenant(store);
    add(store, 1, "owner");
    add(store, 2, "admin");
    let set = |user, role| store.write(|tx| tx.set_role(TENANT, user_id(user), role, "owner")).unwrap();
    let remove = |user| store.write(|tx| tx.remove_member(TENANT, user_id(user), "owner")).unwrap();
    assert!(!set(1, "admin") && !remove(1));
    assert!(set(1, "owner"), "another role it is not");
    assert!(set(2, "owner"));
    assert!(set(1, "admin") && !set(2, "admin") && !remove(2) && remove(1));
    assert_eq!(role(store, 2).as_deref(), Some("owner"));
}
