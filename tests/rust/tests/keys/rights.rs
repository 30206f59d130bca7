//! Who may do what with a key.

use gatekeeper::{
    CreateApiKey, ErrorKind, ForeignKey, Gatekeeper, GatekeeperError, ImportApiKeys, IssueKeyToken, KeyId,
    MemberRole, NewStatus, RemoveTenant, RevokeApiKey, RotateApiKey, Secret, TenantId,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::{create, everywhere, get, member, names, owner, standing_still, update, user};

/// Everything that a key can be given here.
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

/// Things to do, of ours and of the application.
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

/// The deeds that scopes allow: written apart from the code it judges.
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

/// Tries every way to come by scopes; each that succeeds is checked against what `may` says that the caller may do.
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
    if caller.call_blocking(new()).is_ok() {
        prop_assert!(fits(scopes), "create {scopes:?}");
    }
    let mut foreign = ForeignKey::new(Secret::new(format!("{:064x}", KeyBits::next())));
    foreign.scopes = scopes.to_vec();
    if caller.call_blocking(ImportApiKeys { tenant_id: tenant, keys: vec![foreign] }).is_ok() {
        prop_assert!(fits(scopes), "import {scopes:?}");
    }
    // A key that is there already, with scopes of its own.
    let theirs = gatekeeper
        .call_blocking(CreateApiKey { scopes: others.to_vec(), ..CreateApiKey::new(tenant) })
        .unwrap();
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
    if caller.call_blocking(RotateApiKey { id, grace_seconds: 3600 }).is_ok() {
        prop_assert!(fits(others), "rotate {others:?}");
    }
    // Whatever became of it, its holder gets no token for more.
    if gatekeeper.validate(theirs.plain_text_key.expose()).is_ok() {
        let token =
            IssueKeyToken { key: theirs.plain_text_key, audience: None, scopes: Some(scopes.to_vec()) };
        if gatekeeper.call_blocking(token).is_ok() {
            let held = deeds(others);
            prop_assert!(
                deeds(scopes).iter().all(|deed| held.contains(deed)),
                "token {others:?} to {scopes:?}"
            );
        }
    }
    Ok(())
}

/// Numbers that are never drawn twice.
struct KeyBits;

impl KeyBits {
    fn next() -> u64 {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Relaxed)
    }
}

#[test]
fn no_key_gives_more_than_it_holds() {
    let gatekeeper = standing_still().0;
    let tenant = gatekeeper.create_root_key("Acme").unwrap().tenant_id;
    proptest!(ProptestConfig::with_cases(200), |(held in some_scopes(), scopes in some_scopes(), others in some_scopes())| {
        let new = CreateApiKey { scopes: held.clone(), ..CreateApiKey::new(tenant) };
        let caller = gatekeeper.with_token(&gatekeeper.call_blocking(new).unwrap().plain_text_key);
        let may = deeds(&held);
        check_no_way_to_more(&gatekeeper, &caller, tenant, &scopes, &others, |deed| may.contains(&deed))?;
    });
}

#[test]
fn no_member_gives_more_of_what_is_ours_than_they_hold() {
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
fn an_admin_can_end_an_owners_key_but_not_take_it() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let admin = member(gatekeeper, &owner, tenant, MemberRole::Admin);
        let id = create(&owner, tenant, &["*:*"]).api_key.id;
        let rotated = admin.call_blocking(RotateApiKey { id, grace_seconds: 0 }).unwrap_err();
        assert_eq!(rotated.kind(), ErrorKind::Forbidden);
        let renamed = update(&admin, id, |update| update.name = Some(Some("x".into()))).unwrap_err();
        assert_eq!(renamed.kind(), ErrorKind::Forbidden);
        assert!(admin.call_blocking(RevokeApiKey::new(id)).is_ok());
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
            let status =
                member.call_json_blocking(operation, &request.to_string()).map_err(|error| error.status());
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
fn what_is_anothers_or_gone_or_never_was_is_not_found_in_the_same_words() {
    everywhere(|gatekeeper| {
        let (owner, other) = owner(gatekeeper, "founder");
        let others_key = create(&owner, other, &[]).api_key.id;
        let (mine, my_tenant) = crate::owner(gatekeeper, "somebody");
        let gone = mine.call_blocking(gatekeeper::CreateTenant { name: "Gone".into() }).unwrap().id;
        let gone_key = create(&mine, gone, &[]);
        let caller_gone = gatekeeper.with_token(&gone_key.plain_text_key);
        mine.call_blocking(RemoveTenant { tenant_id: gone }).unwrap();
        let never: TenantId = "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r".parse().unwrap();
        let never_key: KeyId = "key_01jdx0x3v0f7zsn8f4k3m9qz5r".parse().unwrap();
        let root = gatekeeper.create_root_key("Root").unwrap();
        let my_key = create(&mine, my_tenant, &["*:*"]);
        let callers = [
            mine,
            user(gatekeeper, "nobody").0,
            gatekeeper.with_root_key(&root.key),
            gatekeeper.with_token(&my_key.plain_text_key),
        ];
        let says = |error: GatekeeperError| {
            (error.status(), error.code(), error.message().to_owned(), error.details().cloned())
        };
        for caller in &callers {
            for (tenant, key) in [(other, others_key), (gone, gone_key.api_key.id), (never, never_key)] {
                for (operation, request) in requests(tenant, key) {
                    let error = caller.call_json_blocking(operation, &request.to_string()).unwrap_err();
                    assert_eq!(
                        says(error),
                        (404, "not_found", "not found, or not yours".to_owned(), None),
                        "{operation}"
                    );
                }
            }
        }
        for (operation, request) in requests(gone, gone_key.api_key.id) {
            let error = caller_gone.call_json_blocking(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 401, "{operation}");
            let error =
                gatekeeper.anonymous().call_json_blocking(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 401, "{operation}");
            // The operator is told the same.
            let error = gatekeeper.call_json_blocking(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 404, "{operation}");
        }
    });
}

#[test]
fn what_the_server_owns_cannot_be_sent() {
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
            let error = gatekeeper.call_json_blocking(operation, &request.to_string()).unwrap_err();
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
        let error = gatekeeper.call_json_blocking("keys.update", &request).unwrap_err();
        assert_eq!(error.message(), "status must be one of active, disabled");
    }
    assert_eq!(get(&gatekeeper, key.id).updated_at, key.updated_at);
}

#[test]
fn what_is_out_of_range_is_rejected_before_anything_is_looked_up() {
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
            let error = gatekeeper.call_json_blocking(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 400, "{operation} {field} {value}");
            let error =
                gatekeeper.anonymous().call_json_blocking(operation, &request.to_string()).unwrap_err();
            assert_eq!(error.status(), 400, "{operation} {field} {value}");
        }
    }
    for prefix in ["", "gkr", "gkp_x", "a b", "_"] {
        let request = json!({"tenantId": tenant, "prefix": prefix}).to_string();
        assert_eq!(gatekeeper.call_json_blocking("keys.create", &request).unwrap_err().status(), 400);
    }
    let request = json!({"id": id, "graceSeconds": 2_592_001}).to_string();
    assert_eq!(gatekeeper.call_json_blocking("keys.rotate", &request).unwrap_err().status(), 400);
}
