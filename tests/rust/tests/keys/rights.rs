//! Who may do what with a key.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::keys::{
    CreateApiKey, ForeignKey, ImportApiKeys, IssueKeyToken, NewStatus, RevokeApiKey, RotateApiKey,
};
use gatekeeper::tenants::{MemberRole, RemoveTenant};
use gatekeeper::{ErrorKind, GatekeeperError, KeyId, Secret, TenantId};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::{create, everywhere, get, member, names, owner, standing_still, update, user};

/// Every scope that these tests give to a key.
const SCOPES: [&str; 12] = [
    "*",
    "*:*",
    "*:read",
    "keys:*",
    "keys:read",
    "keys:write",
    "usage:write",
    "tenants:delete",
    "audit:*",
    "read",
    "invoices:pay",
    "invoices:*",
];

/// Permissions, of Gatekeeper and of the application.
const DEEDS: [&str; 9] = [
    "keys:read",
    "keys:write",
    "usage:read",
    "usage:write",
    "tenants:delete",
    "audit:read",
    "read",
    "invoices:pay",
    "invoices:read",
];

/// The permissions that scopes allow, implemented independently of the code under test.
fn deeds(scopes: &[String]) -> Vec<&'static str> {
    let fits = |pattern: &str, part: &str| pattern == "*" || pattern == part;
    let allows = |scope: &String, deed: &str| match (scope.split_once(':'), deed.split_once(':')) {
        (Some((resource, action)), Some((wanted, done))) => fits(resource, wanted) && fits(action, done),
        (Some(("*", "*")), None) => true,
        (Some(_), None) => false,
        (None, _) => fits(scope, deed),
    };
    DEEDS.into_iter().filter(|deed| scopes.iter().any(|scope| allows(scope, deed))).collect()
}

fn some_scopes() -> impl Strategy<Value = Vec<String>> {
    subsequence(&SCOPES[..], 0..4).prop_map(|scopes| names(&scopes))
}

/// Tries every way to obtain scopes. Each success is checked against `may`, the permissions of the caller.
fn check_no_way_to_more(
    gatekeeper: &Gatekeeper,
    caller: &Gatekeeper,
    tenant: TenantId,
    scopes: &[String],
    others: &[String],
    may: impl Fn(&str) -> bool,
) -> Result<(), TestCaseError> {
    let fits = |scopes: &[String]| deeds(scopes).into_iter().all(&may);
    let new = || CreateApiKey { scopes: scopes.to_vec(), ..CreateApiKey::new(tenant) };
    if caller.call(new()).is_ok() {
        prop_assert!(fits(scopes), "create {scopes:?}");
    }
    let mut foreign = ForeignKey::new(Secret::new(format!("{:064x}", KeyBits::next())));
    foreign.scopes = scopes.to_vec();
    if caller.call(ImportApiKeys { tenant_id: tenant, keys: vec![foreign] }).is_ok() {
        prop_assert!(fits(scopes), "import {scopes:?}");
    }
    // An existing key with other scopes.
    let theirs =
        gatekeeper.call(CreateApiKey { scopes: others.to_vec(), ..CreateApiKey::new(tenant) }).unwrap();
    let id = theirs.api_key.id;
    let before = get(gatekeeper, id);
    if update(caller, id, |update| update.scopes = Some(scopes.to_vec())).is_ok() {
        prop_assert!(fits(scopes) && fits(others), "update {others:?} to {scopes:?}");
        update(gatekeeper, id, |update| update.scopes = Some(others.to_vec())).unwrap();
    } else {
        prop_assert_eq!(get(gatekeeper, id).scopes, before.scopes);
    }
    if update(caller, id, |update| update.status = Some(NewStatus::Active)).is_ok() {
        prop_assert!(fits(others), "enable {others:?}");
    }
    if caller.call(RotateApiKey { id, grace_seconds: 3600 }).is_ok() {
        prop_assert!(fits(others), "rotate {others:?}");
    }
    // Whatever its scopes are now, its holder gets no token with more.
    if gatekeeper.validate(theirs.plain_text_key.expose()).is_ok() {
        let token =
            IssueKeyToken { key: theirs.plain_text_key, audience: None, scopes: Some(scopes.to_vec()) };
        if gatekeeper.call(token).is_ok() {
            let held = deeds(others);
            prop_assert!(
                deeds(scopes).iter().all(|deed| held.contains(deed)),
                "token {others:?} to {scopes:?}"
            );
        }
    }
    Ok(())
}

/// A new number for each call.
struct KeyBits;

impl KeyBits {
    fn next() -> u64 {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Relaxed)
    }
}

#[test]
fn no_key_grants_more_than_it_has() {
    let gatekeeper = standing_still().0;
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    proptest!(ProptestConfig::with_cases(200), |(held in some_scopes(), scopes in some_scopes(), others in some_scopes())| {
        let new = CreateApiKey { scopes: held.clone(), ..CreateApiKey::new(tenant) };
        let caller = gatekeeper.with_token(&gatekeeper.call(new).unwrap().plain_text_key);
        let may = deeds(&held);
        check_no_way_to_more(&gatekeeper, &caller, tenant, &scopes, &others, |deed| may.contains(&deed))?;
    });
}

#[test]
fn no_member_grants_more_gatekeeper_permissions_than_they_have() {
    let gatekeeper = standing_still().0;
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let admin = member(&gatekeeper, &owner, tenant, MemberRole::Admin);
    let member = member(&gatekeeper, &owner, tenant, MemberRole::Member);
    let callers = vec![(owner, 3), (admin, 2), (member, 1)];
    proptest!(ProptestConfig::with_cases(200), |((caller, rank) in select(callers), scopes in some_scopes(), others in some_scopes())| {
        let may = |deed: &str| match rank {
            3 => true,
            2 => deed != "tenants:delete",
            _ => false,
        };
        check_no_way_to_more(&gatekeeper, &caller, tenant, &scopes, &others, may)?;
    });
}

#[test]
fn an_admin_can_revoke_an_owners_key_but_not_rotate_it() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let admin = member(gatekeeper, &owner, tenant, MemberRole::Admin);
        let id = create(&owner, tenant, &["*:*"]).api_key.id;
        let rotated = admin.call(RotateApiKey { id, grace_seconds: 0 }).unwrap_err();
        assert_eq!(rotated.kind(), ErrorKind::Forbidden);
        let renamed = update(&admin, id, |update| update.name = Some(Some("x".into()))).unwrap_err();
        assert_eq!(renamed.kind(), ErrorKind::Forbidden);
        assert!(admin.call(RevokeApiKey::new(id)).is_ok());
    });
}

#[test]
fn a_member_reads_keys_and_changes_none() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let member = member(gatekeeper, &owner, tenant, MemberRole::Member);
        let id = create(&owner, tenant, &[]).api_key.id;
        assert_eq!(get(&member, id).id, id);
        for (operation, request) in requests(tenant, id) {
            let status = member.call_json(operation, &request.to_string()).map_err(|error| error.status());
            let reads = matches!(operation, "keys.get" | "keys.list");
            assert_eq!(status.err(), (!reads).then_some(403), "{operation}");
        }
    });
}

/// A request to each operation on a tenant or on a key.
fn requests(tenant: TenantId, key: KeyId) -> Vec<(&'static str, Value)> {
    let digest = "00".repeat(32);
    vec![
        ("keys.create", json!({"tenantId": tenant})),
        ("keys.list", json!({"tenantId": tenant})),
        ("keys.import", json!({"tenantId": tenant, "keys": [{"digest": digest}]})),
        ("keys.get", json!({"id": key})),
        ("keys.update", json!({"id": key, "name": "x"})),
        ("keys.rotate", json!({"id": key})),
        ("keys.revoke", json!({"id": key})),
    ]
}

#[test]
fn another_tenants_deleted_and_unknown_objects_have_the_same_not_found_error() {
    everywhere(|gatekeeper| {
        let (owner, other) = owner(gatekeeper, "founder");
        let others_key = create(&owner, other, &[]).api_key.id;
        let (mine, my_tenant) = crate::owner(gatekeeper, "somebody");
        let gone = mine.call(gatekeeper::tenants::CreateTenant { name: "Gone".into() }).unwrap().id;
        let gone_key = create(&mine, gone, &[]);
        let caller_gone = gatekeeper.with_token(&gone_key.plain_text_key);
        mine.call(RemoveTenant { tenant_id: gone }).unwrap();
        let never: TenantId = "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r".parse().unwrap();
        let never_key: KeyId = "key_01jdx0x3v0f7zsn8f4k3m9qz5r".parse().unwrap();
        let root = gatekeeper.create_root_key("Root").unwrap();
        let my_key = create(&mine, my_tenant, &["*:*"]);
        let callers = [
            mine,
            user(gatekeeper, "stranger").0,
            gatekeeper.with_root_key(&root.key),
            gatekeeper.with_token(&my_key.plain_text_key),
        ];
        let text = |error: GatekeeperError| {
            (error.status(), error.code(), error.message().to_owned(), error.details().cloned())
        };
        for caller in &callers {
            for (tenant, key) in [(other, others_key), (gone, gone_key.api_key.id), (never, never_key)] {
                for (operation, request) in requests(tenant, key) {
                    let error = caller.call_json(operation, &request.to_string()).unwrap_err();
                    assert_eq!(
                        text(error),
                        (404, "not_found", "not found, or not yours".to_owned(), None),
                        "{operation}"
                    );
                }
            }
        }
        for (operation, request) in requests(gone, gone_key.api_key.id) {
            let error = caller_gone.call_json(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 401, "{operation}");
            let error = gatekeeper.anonymous().call_json(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 401, "{operation}");
            // The operator gets the same error.
            let error = gatekeeper.call_json(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 404, "{operation}");
        }
    });
}

#[test]
fn fields_that_the_server_sets_cannot_be_sent() {
    let gatekeeper = standing_still().0;
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    let key = create(&gatekeeper, tenant, &[]).api_key;
    let owned = [
        ("createdAt", json!(0)),
        ("updatedAt", json!(0)),
        ("lastUsedAt", json!(0)),
        ("expiresAt", json!(0)),
        ("createdBy", json!({"type": "operator"})),
        ("digest", json!("00")),
        ("hashedSuffix", json!("x")),
        ("plainTextKey", json!("x")),
    ];
    for (operation, request, more) in [
        ("keys.create", json!({"tenantId": tenant}), &["id", "status"][..]),
        ("keys.update", json!({"id": key.id}), &["tenantId", "prefix"]),
        ("keys.rotate", json!({"id": key.id}), &["tenantId", "prefix", "scopes"]),
        ("keys.revoke", json!({"id": key.id}), &["status"]),
    ] {
        let more = more.iter().map(|field| (*field, json!("x")));
        let fields = owned.iter().cloned().chain(more);
        for (field, value) in fields {
            let mut request = request.clone();
            request[field] = value;
            let error = gatekeeper.call_json(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(
                error.message().starts_with(&format!("{field} is not known here")),
                "{}",
                error.message()
            );
        }
    }
    for status in ["revoked", "expired", "canary"] {
        let request = json!({"id": key.id, "status": status}).to_string();
        let error = gatekeeper.call_json("keys.update", &request).unwrap_err();
        assert_eq!(error.message(), "status must be one of active, disabled");
    }
    assert_eq!(get(&gatekeeper, key.id).updated_at, key.updated_at);
}

#[test]
fn values_out_of_range_are_rejected_before_any_look_up() {
    let gatekeeper = standing_still().0;
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    let id = create(&gatekeeper, tenant, &[]).api_key.id;
    let (long, many) = ("x".repeat(257), ["x y"]);
    for (field, value) in [
        ("name", json!(long)),
        ("name", json!("a\0")),
        ("ownerId", json!(long)),
        ("scopes", json!(many)),
        ("scopes", json!([""])),
        ("roles", json!([""])),
        ("quotaLimit", json!(-1)),
        ("quotaLimit", json!(1_u64 << 53)),
        ("quotaLimit", json!(0.5)),
        ("quotaPeriod", json!("year")),
        ("expiresInSeconds", json!(0)),
        ("expiresInSeconds", json!(3_155_760_001_u64)),
        ("metadata", json!({"a": "\0"})),
        ("metadata", json!([])),
    ] {
        for (operation, mut request) in
            [("keys.create", json!({"tenantId": tenant})), ("keys.update", json!({"id": id}))]
        {
            request[field] = value.clone();
            let error = gatekeeper.call_json(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 400, "{operation} {field} {value}");
            let error = gatekeeper.anonymous().call_json(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 400, "{operation} {field} {value}");
        }
    }
    for prefix in ["", "gkr", "gkp_x", "a b", "_"] {
        let request = json!({"tenantId": tenant, "prefix": prefix}).to_string();
        assert_eq!(gatekeeper.call_json("keys.create", &request).unwrap_err().status(), 400);
    }
    let request = json!({"id": id, "graceSeconds": 2_592_001}).to_string();
    assert_eq!(gatekeeper.call_json("keys.rotate", &request).unwrap_err().status(), 400);
}
