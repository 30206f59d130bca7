//! The life of a key.

use gatekeeper::ErrorKind;
use gatekeeper::audit::AuditQuery;
use gatekeeper::key_manager::{DeleteKey, RotateKey};
use gatekeeper::keys::{CreateApiKey, KeyStatus, ListApiKeys, NewStatus, RevokeApiKey, RotateApiKey};
use gatekeeper::usage::Period;

use crate::{create, everywhere, get, is_valid, names, owner, standing_still, update};

#[test]
fn a_key_is_created_listed_changed_rotated_and_revoked() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let created = owner
            .call(CreateApiKey {
                name: Some("server".into()),
                prefix: Some("acme".into()),
                owner_id: Some("u1".into()),
                scopes: names(&["write", "read", "read"]),
                roles: names(&["PRO"]),
                quota_limit: Some(1000),
                quota_period: Period::Day,
                expires_in_seconds: Some(3600),
                metadata: serde_json::from_str(r#"{"plan": "b"}"#).unwrap(),
                ..CreateApiKey::new(tenant)
            })
            .unwrap();
        let key = &created.api_key;
        assert!(created.plain_text_key.expose().starts_with("acme_"));
        assert_eq!((key.scopes.clone(), key.status), (names(&["read", "write"]), KeyStatus::Active));
        assert_eq!((key.quota_limit, key.quota_period), (Some(1000), Period::Day));
        assert_eq!((key.expires_at, key.last_used_at), (Some(key.created_at + 3_600_000), None));
        assert!(is_valid(gatekeeper, &created.plain_text_key));

        let changed = update(&owner, key.id, |update| {
            update.name = Some(None);
            update.expires_in_seconds = Some(None);
            update.roles = Some(Vec::new());
        })
        .unwrap();
        assert_eq!((changed.name, changed.expires_at, changed.roles), (None, None, Vec::new()));
        assert_eq!((changed.owner_id, changed.scopes), (Some("u1".into()), key.scopes.clone()));
        assert_eq!((changed.quota_limit, changed.metadata), (Some(1000), key.metadata.clone()));

        let rotated = owner.call(RotateApiKey { id: key.id, grace_seconds: 0 }).unwrap();
        assert_eq!(rotated.api_key.id, key.id);
        assert!(
            !is_valid(gatekeeper, &created.plain_text_key) && is_valid(gatekeeper, &rotated.plain_text_key)
        );

        let revoked = owner.call(RevokeApiKey::new(key.id)).unwrap();
        assert_eq!(revoked.status, KeyStatus::Revoked);
        assert!(!is_valid(gatekeeper, &rotated.plain_text_key));
        let list = owner.call(ListApiKeys { tenant_id: tenant, limit: None, cursor: None }).unwrap();
        assert_eq!(list.items.iter().map(|key| key.status).collect::<Vec<_>>(), [KeyStatus::Revoked]);

        let query = format!(r#"{{"tenantId": "{tenant}", "actionPrefix": "key."}}"#);
        let audit = owner.call(serde_json::from_str::<AuditQuery>(&query).unwrap()).unwrap();
        // Keys of one millisecond are in any order.
        let mut actions: Vec<_> = audit.items.iter().map(|event| event.action.as_str()).collect();
        actions.sort_unstable();
        assert_eq!(actions, ["key.created", "key.revoked", "key.rotated", "key.updated"]);
    });
}

#[test]
fn a_revoked_key_stays_revoked() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let created = create(&owner, tenant, &[]);
        let id = created.api_key.id;
        owner.call(RevokeApiKey::new(id)).unwrap();
        let again = owner.call(RevokeApiKey::new(id)).unwrap();
        assert_eq!(again.status, KeyStatus::Revoked);
        for status in [NewStatus::Active, NewStatus::Disabled] {
            let rejected = update(&owner, id, |update| update.status = Some(status)).unwrap_err();
            assert_eq!(rejected.kind(), ErrorKind::Conflict);
        }
        let rejected = owner.call(RotateApiKey { id, grace_seconds: 60 }).unwrap_err();
        assert_eq!(rejected.kind(), ErrorKind::Conflict);
        // The key manager cannot revoke a key, only delete it.
        let rejected = gatekeeper.call(RotateKey { id: id.into() }).unwrap_err();
        assert_eq!(rejected.kind(), ErrorKind::NotFound);
        assert!(!is_valid(gatekeeper, &created.plain_text_key));
        assert!(gatekeeper.call(DeleteKey { id: id.into() }).is_ok());
    });
}

#[test]
fn both_secrets_of_a_disabled_key_are_rejected_and_the_old_one_stays_invalid() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let created = create(&owner, tenant, &[]);
        let id = created.api_key.id;
        let rotated = owner.call(RotateApiKey { id, grace_seconds: 3600 }).unwrap();
        let secrets = [created.plain_text_key, rotated.plain_text_key];
        assert!(secrets.iter().all(|secret| is_valid(gatekeeper, secret)));
        let disabled = update(&owner, id, |update| update.status = Some(NewStatus::Disabled)).unwrap();
        assert_eq!(disabled.status, KeyStatus::Disabled);
        assert!(secrets.iter().all(|secret| !is_valid(gatekeeper, secret)));
        update(&owner, id, |update| update.status = Some(NewStatus::Active)).unwrap();
        assert!(!is_valid(gatekeeper, &secrets[0]) && is_valid(gatekeeper, &secrets[1]));
        update(&owner, id, |update| update.status = Some(NewStatus::Disabled)).unwrap();
        let again = owner.call(RotateApiKey { id, grace_seconds: 3600 }).unwrap();
        assert_eq!(again.api_key.status, KeyStatus::Disabled);
        update(&owner, id, |update| update.status = Some(NewStatus::Active)).unwrap();
        assert!(!is_valid(gatekeeper, &secrets[1]) && is_valid(gatekeeper, &again.plain_text_key));
        owner.call(RotateApiKey { id, grace_seconds: 3600 }).unwrap();
        assert!(is_valid(gatekeeper, &again.plain_text_key));
        owner.call(RevokeApiKey::new(id)).unwrap();
        assert!(secrets.iter().chain([&again.plain_text_key]).all(|secret| !is_valid(gatekeeper, secret)));
    });
}

#[test]
fn the_old_secret_is_valid_until_the_grace_ends() {
    let (gatekeeper, clock) = standing_still();
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let created = create(&owner, tenant, &[]);
    let id = created.api_key.id;
    let rotated = owner.call(RotateApiKey { id, grace_seconds: 60 }).unwrap();
    clock.advance(59_999);
    let ends = gatekeeper.validate(created.plain_text_key.expose()).unwrap().expires_at();
    assert_eq!(ends, Some(rotated.api_key.updated_at + 60_000));
    clock.advance(1);
    assert!(
        !is_valid(&gatekeeper, &created.plain_text_key) && is_valid(&gatekeeper, &rotated.plain_text_key)
    );
}

#[test]
fn the_old_secret_does_not_outlive_its_key_nor_the_next_rotation() {
    let (gatekeeper, clock) = standing_still();
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let new = CreateApiKey { expires_in_seconds: Some(30), ..CreateApiKey::new(tenant) };
    let first = owner.call(new).unwrap();
    let id = first.api_key.id;
    let second = owner.call(RotateApiKey { id, grace_seconds: 60 }).unwrap();
    let third = owner.call(RotateApiKey { id, grace_seconds: 60 }).unwrap();
    assert!(!is_valid(&gatekeeper, &first.plain_text_key), "one old secret at most");
    assert!(is_valid(&gatekeeper, &second.plain_text_key) && is_valid(&gatekeeper, &third.plain_text_key));
    clock.advance(30_000);
    assert!(!is_valid(&gatekeeper, &second.plain_text_key) && !is_valid(&gatekeeper, &third.plain_text_key));
    assert_eq!(get(&owner, id).status, KeyStatus::Expired);
    // A later expiry of the key does not revive an old secret.
    update(&owner, id, |update| update.expires_in_seconds = Some(Some(3600))).unwrap();
    assert!(!is_valid(&gatekeeper, &second.plain_text_key) && is_valid(&gatekeeper, &third.plain_text_key));
}

#[test]
fn a_key_of_the_key_manager_works_in_the_services_and_the_reverse() {
    everywhere(|gatekeeper| {
        let root = gatekeeper.create_root_key("Acme").unwrap();
        let manager = gatekeeper.with_root_key(&root.key);
        let theirs = manager.call(gatekeeper::key_manager::CreateKey::new("user")).unwrap();
        let ours = create(&manager, root.tenant_id, &["read"]);
        assert_eq!(get(&manager, theirs.id).prefix, "user");
        assert!(is_valid(gatekeeper, &theirs.api_key) && is_valid(gatekeeper, &ours.plain_text_key));
        let id = ours.api_key.id;
        let roles = names(&["PRO"]);
        manager.call(gatekeeper::key_manager::AddRoles { id: id.into(), roles }).unwrap();
        let key = get(&manager, id);
        assert_eq!((key.roles, key.scopes), (names(&["PRO"]), names(&["read"])));
        manager.call(RevokeApiKey::new(theirs.id)).unwrap();
        assert!(!is_valid(gatekeeper, &theirs.api_key));
        let rotated = manager.call(RotateKey { id: id.into() }).unwrap();
        assert!(!is_valid(gatekeeper, &ours.plain_text_key) && is_valid(gatekeeper, &rotated.apikey));
    });
}

#[test]
fn the_time_of_a_keys_last_use_is_known_without_a_write_for_each_use() {
    let (gatekeeper, clock) = standing_still();
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let created = create(&owner, tenant, &[]);
    let id = created.api_key.id;
    let start = created.api_key.created_at;
    assert_eq!(get(&owner, id).last_used_at, None);
    for ms in [1, 1000, 5000, 120_000] {
        clock.advance(ms);
        assert!(is_valid(&gatekeeper, &created.plain_text_key));
    }
    let used = get(&owner, id).last_used_at;
    assert_eq!(used, Some(start + 126_001));
    // A use does not count as a change of the key.
    assert_eq!(get(&owner, id).updated_at, start);
}

#[test]
fn the_time_of_a_keys_last_use_is_written_when_the_database_closes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let open = || gatekeeper::blocking::Gatekeeper::open(path.to_str().unwrap()).unwrap();
    let id = {
        let gatekeeper = open();
        let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
        let created = create(&gatekeeper, tenant, &[]);
        gatekeeper.validate(created.plain_text_key.expose()).unwrap();
        created.api_key.id
    };
    assert!(get(&open(), id).last_used_at.is_some());
}

#[test]
fn the_cursors_of_a_list_cannot_be_changed_or_used_for_another_list() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let ids: Vec<_> = (0..5).map(|_| create(&owner, tenant, &[]).api_key.id).collect();
        let other = owner.call(gatekeeper::tenants::CreateTenant { name: "Other".into() }).unwrap().id;
        let page = |tenant_id, cursor| owner.call(ListApiKeys { tenant_id, limit: Some(2), cursor });
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let next = page(tenant, cursor).unwrap();
            seen.extend(next.items.iter().map(|key| key.id));
            cursor = next.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert!(ids.iter().all(|id| seen.contains(id)) && seen.len() == 5);

        let cursor = page(tenant, None).unwrap().next_cursor.unwrap();
        assert_eq!(page(other, Some(cursor.clone())).unwrap_err().status(), 400);
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(page(tenant, Some(changed)).unwrap_err().status(), 400);
        }
        for bad in ["", "x", "key_00000000000000000000000000"] {
            assert_eq!(page(tenant, Some(bad.to_owned())).unwrap_err().status(), 400);
        }
    });
}
