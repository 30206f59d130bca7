//! Tenants, members, permissions and the audit log, as members and strangers see them.

use std::sync::Barrier;
use std::thread;

use gatekeeper::GatekeeperError;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::{Access, TABLE};
use gatekeeper_tests::{User, call, text};
use serde_json::{Value, json};

/// Runs a test with a memory database and with a file.
fn everywhere(test: impl Fn(&Gatekeeper)) {
    test(&Gatekeeper::open("memory:").unwrap());
    let folder = tempfile::tempdir().unwrap();
    test(&Gatekeeper::open(folder.path().join("gatekeeper.db").to_str().unwrap()).unwrap());
}

/// The parts of an error that a caller can see.
fn visible(error: &GatekeeperError) -> (u16, &'static str, String, Option<u32>, Option<Value>) {
    let details = error.details().cloned();
    (error.status(), error.code(), error.message().to_owned(), error.retry_after(), details)
}

/// A valid request for each operation on a tenant.
fn requests(tenant: &str, user: &str, key: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("tenants.get", json!({ "tenantId": tenant })),
        ("tenants.update", json!({ "tenantId": tenant, "name": "x" })),
        ("tenants.addMember", json!({ "tenantId": tenant, "userId": user })),
        ("tenants.listMembers", json!({ "tenantId": tenant })),
        ("tenants.updateMember", json!({ "tenantId": tenant, "userId": user, "role": "admin" })),
        ("tenants.removeMember", json!({ "tenantId": tenant, "userId": user })),
        ("tenants.remove", json!({ "tenantId": tenant })),
        ("permissions.can", json!({ "tenantId": tenant, "userId": user, "permission": "keys:read" })),
        ("permissions.list", json!({ "tenantId": tenant, "userId": user })),
        ("audit.query", json!({ "tenantId": tenant })),
        ("audit.export", json!({ "tenantId": tenant })),
        ("audit.exportParts", json!({ "tenantId": tenant })),
        ("audit.record", json!({ "tenantId": tenant, "action": "invoice.paid" })),
        ("usage.record", json!({ "tenantId": tenant, "service": "s", "action": "a" })),
        ("usage.check", json!({ "tenantId": tenant })),
        ("usage.checkAndRecord", json!({ "tenantId": tenant, "service": "s", "action": "a" })),
        ("usage.summary", json!({ "tenantId": tenant })),
        ("usage.events", json!({ "tenantId": tenant })),
        ("keys.create", json!({ "tenantId": tenant, "name": "x" })),
        ("keys.import", json!({ "tenantId": tenant, "keys": [{ "digest": "0".repeat(64) }] })),
        ("keys.list", json!({ "tenantId": tenant })),
        ("keys.get", json!({ "id": key })),
        ("keys.update", json!({ "id": key, "name": "x" })),
        ("keys.rotate", json!({ "id": key })),
        ("keys.revoke", json!({ "id": key })),
    ]
}

fn items(page: &Value) -> Vec<Value> {
    page.get("items").and_then(Value::as_array).unwrap().clone()
}

#[test]
fn another_tenant_a_removed_one_and_an_unknown_one_have_the_same_error_for_a_stranger() {
    everywhere(|gatekeeper| {
        let (owner, stranger) =
            (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        let others = owner.new_tenant("others");
        let gone = stranger.new_tenant("gone");
        let key_of = |user: &User, tenant: &str| {
            let created = user.call("keys.create", &json!({ "tenantId": tenant, "name": "x" })).unwrap();
            text(created.get("apiKey").unwrap(), "id")
        };
        let (their_key, gone_key) = (key_of(&owner, &others), key_of(&stranger, &gone));
        stranger.call("tenants.remove", &json!({ "tenantId": gone })).unwrap();
        let never = "tnt_01h455vb4pex5vsknk084sn02q";
        let no_key = "key_01h455vb4pex5vsknk084sn02q";
        let tenant_operations =
            TABLE.iter().filter(|descriptor| matches!(descriptor.access, Access::Tenant(_)));
        for descriptor in tenant_operations {
            let answers: Vec<_> =
                [(others.as_str(), their_key.as_str()), (&gone, &gone_key), (never, no_key)]
                    .into_iter()
                    .map(|(tenant, key)| {
                        let requests = requests(tenant, &stranger.id, key);
                        let request = requests.iter().find(|(name, _)| *name == descriptor.name);
                        let (_, request) =
                            request.unwrap_or_else(|| panic!("a request for {}", descriptor.name));
                        visible(&stranger.call(descriptor.name, request).unwrap_err())
                    })
                    .collect();
            assert_eq!(answers[0].0, 404, "{}", descriptor.name);
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{}", descriptor.name);
        }
        assert!(owner.call("tenants.get", &json!({ "tenantId": others })).is_ok());
    });
}

#[test]
fn every_operation_rejects_fields_that_the_caller_must_not_set() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    let owned = [
        "createdAt",
        "updatedAt",
        "emailVerified",
        "ownerId2",
        "__proto__",
        "isAdmin",
        "actorId2",
        "source2",
    ];
    for descriptor in TABLE {
        for field in owned {
            let error = user.call(descriptor.name, &json!({ field: "canary" })).unwrap_err();
            assert!(matches!(error.status(), 400 | 401), "{} {field}", descriptor.name);
            assert!(!error.message().contains("canary"), "{}", descriptor.name);
        }
    }
}

#[test]
fn a_tenant_at_its_maximum_size_gets_an_error_and_the_operator_has_no_maximum() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatekeeper.db");
    let gatekeeper = Gatekeeper::open(file.to_str().unwrap()).unwrap();
    let (owner, other) =
        (User::sign_up(&gatekeeper, "a@example.com"), User::sign_up(&gatekeeper, "b@example.com"));
    let tenant = owner.new_tenant("acme");
    let set = |sql: &str| {
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute(&format!("UPDATE tenants SET {sql} WHERE id = '{tenant}'"), []).unwrap();
    };
    let create = json!({ "tenantId": tenant, "metadata": { "text": "x".repeat(1000) } });
    let key = text(&owner.call("keys.create", &create).unwrap()["apiKey"], "id");
    let is_full = |name: &str, request: &Value, about: &str| {
        let error = owner.call(name, request).unwrap_err();
        assert_eq!(error.status(), 402, "{name}");
        assert!(error.message().contains(about), "{name} {error}");
    };
    set("key_count = 1000000");
    is_full("keys.create", &create, "1,000,000 keys");
    assert!(call(&gatekeeper, "keys.create", &create).is_ok());
    set("key_count = 1, member_count = 10000");
    is_full("tenants.addMember", &json!({ "tenantId": tenant, "userId": other.id }), "10,000 members");
    set("member_count = 1, metadata_bytes = 256 * 1024 * 1024");
    is_full("keys.update", &json!({ "id": key, "metadata": { "text": "x".repeat(1001) } }), "256 MiB");
    owner.call("keys.update", &json!({ "id": key, "metadata": { "text": "x" } })).unwrap();
}

#[test]
fn the_audit_events_of_a_tenant_are_limited_per_second() {
    let clock = gatekeeper::ManualClock::new();
    let mut options = gatekeeper::Options::default();
    options.clock = gatekeeper::Clock::Manual(clock.clone());
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let owner = User::sign_up(&gatekeeper, "a@example.com");
    let (tenant, other) = (owner.new_tenant("acme"), owner.new_tenant("other"));
    let audit = |tenant: &str| owner.call("audit.record", &json!({ "tenantId": tenant, "action": "x" }));
    let record = json!({ "tenantId": tenant, "service": "s", "action": "a" });
    for _ in 0..9_999 {
        owner.call("usage.record", &record).unwrap();
    }
    audit(&tenant).unwrap();
    for error in [audit(&tenant).unwrap_err(), owner.call("usage.record", &record).unwrap_err()] {
        assert_eq!((error.status(), error.retry_after()), (429, Some(1)));
    }
    audit(&other).unwrap();
    call(&gatekeeper, "usage.record", &record).unwrap();
    clock.advance(1100);
    owner.call("usage.record", &record).unwrap();
}

#[test]
fn the_permissions_of_a_member_follow_their_role_at_once() {
    everywhere(|gatekeeper| {
        let (owner, user) =
            (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        let tenant = owner.new_tenant("acme");
        let rename =
            |caller: &User| caller.call("tenants.update", &json!({ "tenantId": tenant, "name": "x" }));
        let set = |caller: &User, role: &str| {
            let request = json!({ "tenantId": tenant, "userId": user.id, "role": role });
            caller.call("tenants.updateMember", &request)
        };
        let can = |permission: &str| {
            let request = json!({ "tenantId": tenant, "userId": user.id, "permission": permission });
            owner.call("permissions.can", &request).unwrap()
        };
        assert_eq!(can("keys:read"), json!(false));
        let added =
            owner.call("tenants.addMember", &json!({ "tenantId": tenant, "userId": user.id })).unwrap();
        assert_eq!((text(&added, "role"), text(&added, "email")), ("member".into(), "b@example.com".into()));
        assert_eq!((can("keys:read"), can("keys:write")), (json!(true), json!(false)));
        assert_eq!(rename(&user).unwrap_err().status(), 403);
        assert_eq!(set(&user, "admin").unwrap_err().status(), 403);

        set(&owner, "admin").unwrap();
        assert_eq!(text(&rename(&user).unwrap(), "role"), "admin");
        assert_eq!((can("keys:write"), can("tenants:delete")), (json!(true), json!(false)));
        for rejected in [
            set(&user, "owner"),
            user.call(
                "tenants.updateMember",
                &json!({ "tenantId": tenant, "userId": owner.id, "role": "member" }),
            ),
            user.call("tenants.removeMember", &json!({ "tenantId": tenant, "userId": owner.id })),
            user.call("tenants.remove", &json!({ "tenantId": tenant })),
        ] {
            assert_eq!(rejected.unwrap_err().status(), 403);
        }
        let listed =
            owner.call("permissions.list", &json!({ "tenantId": tenant, "userId": owner.id })).unwrap();
        assert_eq!(listed.get(0), Some(&json!("*:*")));

        owner.call("tenants.removeMember", &json!({ "tenantId": tenant, "userId": user.id })).unwrap();
        assert_eq!(rename(&user).unwrap_err().status(), 404);
        assert_eq!(can("keys:read"), json!(false));
    });
}

#[test]
fn every_member_may_leave_except_the_last_owner() {
    everywhere(|gatekeeper| {
        let (owner, user) =
            (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        let tenant = owner.new_tenant("acme");
        let leave =
            |who: &User| who.call("tenants.removeMember", &json!({ "tenantId": tenant, "userId": who.id }));
        owner.call("tenants.addMember", &json!({ "tenantId": tenant, "userId": user.id })).unwrap();
        let again = owner.call("tenants.addMember", &json!({ "tenantId": tenant, "userId": user.id }));
        assert_eq!(again.unwrap_err().status(), 409);
        assert_eq!(leave(&owner).unwrap_err().status(), 409);
        let demote = json!({ "tenantId": tenant, "userId": owner.id, "role": "admin" });
        assert_eq!(owner.call("tenants.updateMember", &demote).unwrap_err().status(), 409);
        leave(&user).unwrap();
        let members = owner.call("tenants.listMembers", &json!({ "tenantId": tenant })).unwrap();
        assert_eq!(items(&members).len(), 1);
    });
}

#[test]
fn one_of_two_owners_who_demote_each_other_at_once_stays() {
    everywhere(|gatekeeper| {
        let (a, b) = (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        for turn in 0..20 {
            let tenant = a.new_tenant(&format!("t{turn}"));
            let request = json!({ "tenantId": tenant, "userId": b.id, "role": "owner" });
            a.call("tenants.addMember", &request).unwrap();
            let start = Barrier::new(2);
            thread::scope(|scope| {
                for (who, whom) in [(&a, &b), (&b, &a)] {
                    let (tenant, start) = (&tenant, &start);
                    scope.spawn(move || {
                        start.wait();
                        let request = json!({ "tenantId": tenant, "userId": whom.id, "role": "member" });
                        let _ = who.call("tenants.updateMember", &request);
                    });
                }
            });
            let members = a.call("tenants.listMembers", &json!({ "tenantId": tenant })).unwrap();
            let owners = items(&members).iter().filter(|member| text(member, "role") == "owner").count();
            assert_eq!(owners, 1);
        }
    });
}

#[test]
fn every_change_is_in_the_audit_log_of_its_tenant_and_of_no_other() {
    everywhere(|gatekeeper| {
        let (owner, other) =
            (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        let (tenant, elsewhere) = (owner.new_tenant("acme"), owner.new_tenant("elsewhere"));
        owner.call("tenants.addMember", &json!({ "tenantId": tenant, "userId": other.id })).unwrap();
        let mine =
            json!({ "tenantId": tenant, "action": "invoice.paid", "target": "=cmd", "metadata": {"n": 1} });
        owner.call("audit.record", &mine).unwrap();
        let query = |request: Value| items(&owner.call("audit.query", &request).unwrap());
        let actions = |events: &[Value]| events.iter().map(|event| text(event, "action")).collect::<Vec<_>>();

        let all = query(json!({ "tenantId": tenant }));
        assert_eq!(actions(&all), ["invoice.paid", "member.added", "tenant.created"]);
        assert!(
            all.iter().all(|event| text(event, "actorId") == owner.id && text(event, "tenantId") == tenant)
        );
        assert_eq!(
            actions(&query(json!({ "tenantId": tenant, "actionPrefix": "member." }))),
            ["member.added"]
        );
        assert_eq!(query(json!({ "tenantId": tenant, "actorId": other.id })).len(), 0);
        assert_eq!(query(json!({ "tenantId": tenant, "endTimestamp": 0 })).len(), 0);
        assert_eq!(actions(&query(json!({ "tenantId": elsewhere }))), ["tenant.created"]);
        assert_eq!(other.call("audit.query", &json!({ "tenantId": tenant })).unwrap_err().status(), 403);

        let export = |format: &str| {
            let text = owner.call("audit.export", &json!({ "tenantId": tenant, "format": format })).unwrap();
            text.as_str().unwrap().to_owned()
        };
        let lines: Vec<Value> =
            export("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, all);
        let csv = export("csv");
        assert_eq!(csv.lines().count(), 4);
        assert!(csv.contains("\"'=cmd\"") && csv.contains("\"{\"\"n\"\":1}\""), "{csv}");

        for ours in ["user.logged_in", "key.created"] {
            let forged = json!({ "tenantId": tenant, "action": ours });
            assert_eq!(owner.call("audit.record", &forged).unwrap_err().status(), 400);
        }
    });
}

#[test]
fn the_operator_and_a_root_key_act_in_a_tenant_without_being_members() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let root = gatekeeper.create_root_key("Acme Inc").unwrap();
    let (acme, tenant) = (gatekeeper.with_root_key(&root.key), root.tenant_id.to_string());
    let other = gatekeeper.create_root_key("Other Inc").unwrap().tenant_id.to_string();
    for caller in [&gatekeeper, &acme, &gatekeeper.with_token(&root.key)] {
        assert_eq!(
            text(&call(caller, "tenants.get", &json!({ "tenantId": tenant })).unwrap(), "name"),
            "Acme Inc"
        );
    }
    assert!(call(&gatekeeper, "tenants.get", &json!({ "tenantId": other })).is_ok());
    assert_eq!(call(&acme, "tenants.get", &json!({ "tenantId": other })).unwrap_err().status(), 404);
    assert_eq!(call(&acme, "auth.me", &json!({})).unwrap_err().status(), 403);
}

#[test]
fn the_operator_makes_tenants_for_others_and_sees_every_one() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    let own = user.new_tenant("Own Inc");
    let acme = call(&gatekeeper, "tenants.create", &json!({ "name": "Acme Inc" })).unwrap();
    assert_eq!((&acme["name"], &acme["role"]), (&json!("Acme Inc"), &Value::Null));
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|tenant| text(tenant, "name")).collect()
    };
    let first = call(&gatekeeper, "tenants.list", &json!({ "limit": 2 })).unwrap();
    let second = call(&gatekeeper, "tenants.list", &json!({ "cursor": first["nextCursor"] })).unwrap();
    assert_eq!([names(&first), names(&second)].concat(), ["default", "Own Inc", "Acme Inc"]);

    let theirs = user.call("tenants.list", &json!({})).unwrap();
    assert_eq!((names(&theirs), &theirs["items"][0]["id"]), (vec!["Own Inc".to_owned()], &json!(own)));
    let rejected = user.call("tenants.list", &json!({ "cursor": first["nextCursor"] })).unwrap_err();
    assert_eq!(rejected.status(), 400, "the cursor of another list");
    let owner = json!({ "tenantId": acme["id"], "userId": user.id, "role": "owner" });
    call(&gatekeeper, "tenants.addMember", &owner).unwrap();
    assert_eq!(names(&user.call("tenants.list", &json!({})).unwrap()), ["Own Inc", "Acme Inc"]);

    let root = gatekeeper.create_root_key("Other Inc").unwrap();
    for caller in [gatekeeper.with_root_key(&root.key), gatekeeper.with_token(&root.key)] {
        assert_eq!(call(&caller, "tenants.list", &json!({})).unwrap_err().status(), 403);
    }
    assert_eq!(call(&gatekeeper.anonymous(), "tenants.list", &json!({})).unwrap_err().status(), 401);
}

#[test]
fn names_have_a_bounded_length_and_no_nul() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    for valid in ["x".repeat(256), "\u{1f98a}".repeat(64)] {
        assert!(user.call("tenants.create", &json!({ "name": valid })).is_ok());
    }
    for bad in [String::new(), "  ".to_owned(), "x".repeat(257), "\u{1f98a}".repeat(65), "a\0b".to_owned()] {
        assert_eq!(user.call("tenants.create", &json!({ "name": bad })).unwrap_err().status(), 400);
    }
}
