//! Keys that keys create: never with more rights than their creator, and revoked with it on request.

use std::sync::Barrier;
use std::thread;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::DeleteKey;
use gatekeeper::keys::{
    CreateApiKey, CreatedApiKey, CreatedBy, KeyStatus, PrincipalKind, RevokeApiKey, RotateApiKey,
};
use gatekeeper::tenants::{AddMember, MemberRole, UpdateMember};
use gatekeeper::usage::{CheckAndRecordUsage, CheckQuota, Period, QuotaLevel, SummarizeUsage, UsageInput};
use gatekeeper::{ErrorKind, GatekeeperError, KeyId, TenantId};

use crate::{create, everywhere, get, is_valid, names, owner, standing_still, update, user};

/// A key with `keys:write` and the given properties.
fn manager(
    caller: &Gatekeeper,
    tenant: TenantId,
    change: impl FnOnce(&mut CreateApiKey),
) -> Result<CreatedApiKey, GatekeeperError> {
    let mut new = CreateApiKey { scopes: names(&["keys:*", "usage:*"]), ..CreateApiKey::new(tenant) };
    change(&mut new);
    caller.call(new)
}

/// The further properties of a key.
type Change = fn(&mut CreateApiKey);

/// The field that a rejection names.
fn rejected<T>(outcome: Result<T, GatekeeperError>) -> String {
    let error = outcome.err().expect("it was not rejected");
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error:?}");
    error.message().split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn a_key_with_an_expiry_creates_no_key_that_outlives_it() {
    let (gatekeeper, clock) = standing_still();
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    let parent = manager(&gatekeeper, tenant, |new| new.expires_in_seconds = Some(5)).unwrap();
    let caller = gatekeeper.with_token(&parent.plain_text_key);
    let child = manager(&caller, tenant, |_| ()).unwrap();
    assert_eq!(child.api_key.expires_at, parent.api_key.expires_at);
    let shorter = manager(&caller, tenant, |new| new.expires_in_seconds = Some(4)).unwrap();
    assert!(shorter.api_key.expires_at < parent.api_key.expires_at);
    let longer = manager(&caller, tenant, |new| new.expires_in_seconds = Some(6));
    assert_eq!(rejected(longer), "expiresInSeconds");
    // Nor does it extend the expiry of another key, or rotate one that lasts longer.
    let id = shorter.api_key.id;
    assert_eq!(rejected(update(&caller, id, |it| it.expires_in_seconds = Some(None))), "expiresInSeconds");
    assert_eq!(
        rejected(update(&caller, id, |it| it.expires_in_seconds = Some(Some(60)))),
        "expiresInSeconds"
    );
    let eternal = create(&gatekeeper, tenant, &[]).api_key.id;
    assert_eq!(rejected(caller.call(RotateApiKey { id: eternal, grace_seconds: 0 })), "expiresInSeconds");
    assert_eq!(rejected(update(&caller, eternal, |it| it.name = Some(None))), "expiresInSeconds");
    clock.advance(5000);
    assert!(!is_valid(&gatekeeper, &child.plain_text_key));
    assert_eq!(manager(&caller, tenant, |_| ()).unwrap_err().status(), 401);
}

#[test]
fn a_key_creates_or_changes_no_key_beyond_its_own_quota_roles_scopes_and_owner() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let parent = manager(&owner, tenant, |new| {
            new.roles = names(&["FREE", "EU"]);
            new.owner_id = Some("acme".into());
            new.quota_limit = Some(100);
            new.quota_period = Period::Day;
        })
        .unwrap();
        let caller = gatekeeper.with_token(&parent.plain_text_key);
        let child = manager(&caller, tenant, |_| ()).unwrap().api_key;
        assert_eq!((child.quota_limit, child.quota_period), (Some(100), Period::Day));
        assert_eq!((child.roles, child.owner_id.as_deref()), (names(&["EU", "FREE"]), Some("acme")));
        let less = manager(&caller, tenant, |new| {
            new.quota_limit = Some(4);
            new.quota_period = Period::Hour;
        });
        assert_eq!(less.unwrap().api_key.quota_limit, Some(4));
        let more: [(&str, Change); 5] = [
            ("quotaLimit", |new| new.quota_limit = Some(101)),
            ("roles", |new| new.roles = names(&["PRO"])),
            // A key without the role that limits it has another limit, which may be higher.
            ("roles", |new| new.roles = names(&["EU"])),
            ("scopes", |new| new.scopes = names(&["keys:*", "audit:read"])),
            ("ownerId", |new| new.owner_id = Some("other".into())),
        ];
        for (field, change) in more {
            assert_eq!(rejected(manager(&caller, tenant, change)), field);
        }
        let id = child.id;
        assert_eq!(rejected(update(&caller, id, |it| it.quota_limit = Some(None))), "quotaLimit");
        assert_eq!(rejected(update(&caller, id, |it| it.quota_period = Some(Period::Hour))), "quotaLimit");
        assert_eq!(rejected(update(&caller, id, |it| it.roles = Some(names(&["PRO"])))), "roles");
        assert_eq!(rejected(update(&caller, id, |it| it.roles = Some(Vec::new()))), "roles");
        assert_eq!(rejected(update(&caller, id, |it| it.scopes = Some(names(&["*"])))), "scopes");
        assert_eq!(rejected(update(&caller, id, |it| it.owner_id = Some(None))), "ownerId");
        assert!(update(&caller, id, |it| it.quota_limit = Some(Some(50))).is_ok());
        // None of this binds a member or the operator.
        assert!(update(&owner, id, |it| it.quota_limit = Some(None)).is_ok());
        assert_eq!(
            rejected(caller.call(RotateApiKey { id, grace_seconds: 0 })),
            "quotaLimit",
            "a key with more rights is not rotated"
        );
    });
}

#[test]
fn a_key_makes_no_member_who_can_do_more_than_it_can() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let (_, guest) = user(gatekeeper, "guest");
        let key = manager(&owner, tenant, |new| new.scopes = names(&["members:write"])).unwrap();
        let caller = gatekeeper.with_token(&key.plain_text_key);
        let add =
            |caller: &Gatekeeper, role| caller.call(AddMember { tenant_id: tenant, user_id: guest, role });
        for role in [MemberRole::Owner, MemberRole::Admin, MemberRole::Member] {
            assert_eq!(add(&caller, role).unwrap_err().kind(), ErrorKind::Forbidden);
        }
        add(&owner, MemberRole::Member).unwrap();
        let raised = UpdateMember { tenant_id: tenant, user_id: guest, role: MemberRole::Admin };
        assert_eq!(caller.call(raised).unwrap_err().kind(), ErrorKind::Forbidden);
    });
}

#[test]
fn a_key_cannot_change_itself_and_can_revoke_itself() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let key = manager(&owner, tenant, |_| ()).unwrap();
        let (caller, id) = (gatekeeper.with_token(&key.plain_text_key), key.api_key.id);
        for rejected in [
            update(&caller, id, |it| it.name = Some(Some("mine".into()))).map(drop),
            caller.call(RotateApiKey { id, grace_seconds: 0 }).map(drop),
        ] {
            let error = rejected.unwrap_err();
            assert_eq!(
                (error.kind(), error.message().contains("cannot change itself")),
                (ErrorKind::Forbidden, true)
            );
        }
        caller.call(RevokeApiKey::new(id)).unwrap();
        assert!(!is_valid(gatekeeper, &key.plain_text_key));
    });
}

#[test]
fn a_key_has_the_principal_that_created_it() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let by_member = manager(&owner, tenant, |_| ()).unwrap();
        let user = owner.call(gatekeeper::auth::Me {}).unwrap().id;
        let by_key = create(&gatekeeper.with_token(&by_member.plain_text_key), tenant, &[]);
        let by_operator = create(gatekeeper, tenant, &[]);
        let root = gatekeeper.create_root_key("Root").unwrap();
        let by_root = create(&gatekeeper.with_root_key(&root.key), root.tenant_id, &[]);
        let managed = gatekeeper
            .with_root_key(&root.key)
            .call(gatekeeper::key_manager::CreateKey::new("user"))
            .unwrap();
        let creator_of = |id| get(gatekeeper, id).created_by.map(|CreatedBy { kind, id, .. }| (kind, id));
        let (member, root_key) = (user.to_string(), root.id.to_string());
        assert_eq!(creator_of(by_member.api_key.id), Some((PrincipalKind::User, Some(member))));
        let creator = by_member.api_key.id.to_string();
        assert_eq!(creator_of(by_key.api_key.id), Some((PrincipalKind::ApiKey, Some(creator))));
        assert_eq!(creator_of(by_operator.api_key.id), Some((PrincipalKind::Operator, None)));
        assert_eq!(creator_of(by_root.api_key.id), Some((PrincipalKind::RootKey, Some(root_key.clone()))));
        assert_eq!(creator_of(managed.id), Some((PrincipalKind::RootKey, Some(root_key))));
    });
}

/// Clients with a key, with the key that it created, and so on.
fn line(gatekeeper: &Gatekeeper, caller: &Gatekeeper, tenant: TenantId, length: usize) -> Vec<CreatedApiKey> {
    let mut line: Vec<CreatedApiKey> = Vec::new();
    for _ in 0..length {
        let caller =
            line.last().map_or_else(|| caller.clone(), |key| gatekeeper.with_token(&key.plain_text_key));
        line.push(manager(&caller, tenant, |_| ()).unwrap());
    }
    line
}

#[test]
fn the_usage_of_descendants_counts_for_their_creators_and_once_for_the_tenant() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let parent = manager(&owner, tenant, |new| new.quota_limit = Some(100)).unwrap();
        let mut keys = line(gatekeeper, &gatekeeper.with_token(&parent.plain_text_key), tenant, 2);
        keys.push(manager(&gatekeeper.with_token(&parent.plain_text_key), tenant, |_| ()).unwrap());
        keys.push(parent);
        let input = |key: &CreatedApiKey| UsageInput {
            api_key_id: Some(key.api_key.id),
            ..UsageInput::new(tenant, "inference", "completion")
        };
        // In parallel, by the key and by its descendants: exactly the key's quota is accepted.
        let start = Barrier::new(keys.len() * 2);
        let recorded: usize = thread::scope(|scope| {
            let threads: Vec<_> = keys
                .iter()
                .chain(&keys)
                .map(|key| {
                    scope.spawn(|| {
                        let caller = gatekeeper.with_token(&key.plain_text_key);
                        start.wait();
                        (0..20).filter(|_| caller.call(CheckAndRecordUsage(input(key))).is_ok()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(recorded, 100);
        for key in &keys {
            let rejected = owner.call(CheckAndRecordUsage(input(key))).unwrap_err();
            assert_eq!(rejected.kind(), ErrorKind::PlanLimit);
            let check = CheckQuota { api_key_id: Some(key.api_key.id), ..CheckQuota::new(tenant) };
            let check = owner.call(check).unwrap();
            assert_eq!((check.allowed, check.level, check.remaining), (false, QuotaLevel::ApiKey, Some(0)));
        }
        // Also by `record`, which does not check the quota; the tenant has each event once.
        owner.call(gatekeeper::usage::RecordUsage(input(&keys[1]))).unwrap();
        let summary = owner.call(SummarizeUsage { tenant_id: tenant, period: Period::Month }).unwrap();
        assert_eq!((summary.total_usage, summary.event_count), (101, 101));
        let used = owner
            .call(CheckQuota { api_key_id: Some(keys[3].api_key.id), ..CheckQuota::new(tenant) })
            .unwrap();
        assert_eq!(used.used, 101);
    });
}

#[test]
fn a_key_is_revoked_alone_or_with_its_descendants() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let keys = line(gatekeeper, &owner, tenant, 4);
        let sibling = create(&owner, tenant, &[]);
        let ended = |from: usize| {
            let valid: Vec<bool> = keys.iter().map(|key| is_valid(gatekeeper, &key.plain_text_key)).collect();
            let expected: Vec<bool> = (0..keys.len()).map(|index| index < from).collect();
            assert_eq!(valid, expected);
        };
        owner.call(RevokeApiKey::new(keys[2].api_key.id)).unwrap();
        assert!(is_valid(gatekeeper, &keys[3].plain_text_key), "alone, what it created goes on");
        let with_all = |id: KeyId| RevokeApiKey { descendants: true, ..RevokeApiKey::new(id) };
        owner.call(with_all(keys[2].api_key.id)).unwrap();
        ended(2);
        owner.call(with_all(keys[0].api_key.id)).unwrap();
        ended(0);
        assert!(is_valid(gatekeeper, &sibling.plain_text_key));
        let audited = owner
            .call_json(
                "audit.query",
                &format!(r#"{{"tenantId": "{tenant}", "actionPrefix": "key.revoked"}}"#),
            )
            .unwrap();
        assert_eq!(audited.matches("key.revoked").count(), 4, "{audited}");
        assert_eq!(audited.matches("revokedWith").count(), 2, "{audited}");
    });
}

#[test]
fn deleting_a_key_deletes_its_descendants() {
    everywhere(|gatekeeper| {
        let root = gatekeeper.create_root_key("Acme").unwrap();
        let caller = gatekeeper.with_root_key(&root.key);
        let keys = line(gatekeeper, &caller, root.tenant_id, 3);
        caller.call(DeleteKey { id: keys[0].api_key.id.into() }).unwrap();
        for key in &keys {
            assert!(!is_valid(gatekeeper, &key.plain_text_key));
        }
        assert_eq!(get(&caller, keys[2].api_key.id).status, KeyStatus::Revoked);
    });
}

#[test]
fn the_depth_of_keys_that_created_one_another_is_bounded() {
    let gatekeeper = standing_still().0;
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    let keys = line(&gatekeeper, &gatekeeper, tenant, 9);
    let last = gatekeeper.with_token(&keys[8].plain_text_key);
    assert_eq!(manager(&last, tenant, |_| ()).unwrap_err().kind(), ErrorKind::Conflict);
}
