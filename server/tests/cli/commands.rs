use gatekeeper::Secret;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::keys::CreateApiKey;
use serde_json::{Value, json};

use crate::support::{Folder, output_of, output_with_input, text};

#[test]
fn a_key_is_created_updated_rotated_revoked_and_deleted() {
    let folder = Folder::with_gatekeeper();
    let created = folder.json([
        "keys",
        "create",
        "--name",
        "server",
        "--scope",
        "read",
        "--role",
        "PRO",
        "--expires-in",
        "1d",
        "--metadata",
        "{\"plan\":\"x\"}",
    ]);
    let (id, secret) = (text(&created["apiKey"]["id"]), text(&created["plainTextKey"]));
    assert_eq!(created["apiKey"]["metadata"], json!({ "plan": "x" }));

    let get = folder.run(["keys", "get", &id]).success();
    assert!(get.out.starts_with(&format!("id              {id}\n")), "{get:?}");
    assert!(get.out.contains("expiresAt       20") && !get.out.contains(&secret), "{get:?}");

    let verify =
        |key: &str| folder.run_with_input(key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]);
    assert_eq!(verify(&secret).success().json()["role"], "PRO");
    let validated = folder.run_with_input(&secret, ["keys", "validate", "--json"]).success().json();
    assert_eq!(validated["id"], id.as_str());
    let token = folder.run_with_input(&secret, ["keys", "token", "--json"]).success().json();
    assert_eq!(token["tokenType"], "Bearer");

    assert_eq!(folder.json(["keys", "add-roles", &id, "PRO", "MORE"])["count"], 1);
    assert_eq!(folder.json(["keys", "remove-roles", &id, "MORE"])["count"], 1);
    let updated =
        folder.json(["keys", "update", &id, "--clear", "name", "--clear", "expires-in", "--clear", "roles"]);
    assert_eq!(
        (&updated["name"], &updated["roles"], &updated["expiresAt"]),
        (&Value::Null, &json!([]), &Value::Null)
    );

    let rotated = folder.json(["keys", "rotate", &id, "--grace", "1h"]);
    let new = text(&rotated["plainTextKey"]);
    assert!(verify(&secret).code == 0 && verify(&new).code == 0);
    assert_eq!(folder.json(["keys", "revoke", &id])["status"], "revoked");
    let verdict = verify(&new).rejected();
    assert_eq!((&verdict.json()["code"], verdict.err.as_str()), (&"invalid_key".into(), ""));
    assert_eq!(folder.json(["keys", "delete", &id])["id"], id.as_str());
    assert!(folder.run(["keys", "get", &id]).rejected().err.contains("not found"));
}

#[test]
fn a_key_is_revoked_together_with_the_keys_that_it_created() {
    let folder = Folder::with_gatekeeper();
    let manager = folder.json(["keys", "create", "--scope", "keys:write"]);
    let caller = Gatekeeper::open(folder.file("gatekeeper.db").to_str().unwrap()).unwrap();
    let caller = caller.with_token(&Secret::new(text(&manager["plainTextKey"])));
    let tenant = Gatekeeper::DEFAULT_TENANT;
    let created = caller.call(CreateApiKey::new(tenant)).unwrap().api_key.id.to_string();
    let id = text(&manager["apiKey"]["id"]);
    assert_eq!(folder.json(["keys", "get", &created])["createdBy"], json!({"type": "apiKey", "id": id}));
    folder.json(["keys", "revoke", &id]);
    assert_eq!(folder.json(["keys", "get", &created])["status"], "active");
    folder.json(["keys", "revoke", &id, "--descendants"]);
    assert_eq!(folder.json(["keys", "get", &created])["status"], "revoked");
}

#[test]
fn a_key_is_read_from_the_environment_or_standard_input_and_is_never_printed() {
    let folder = Folder::with_gatekeeper();
    let (id, key) = folder.key();
    let output = output_of(
        folder.command().args(["keys", "verify", "--endpoint", "GET_TASKS"]).env("GATEKEEPER_KEY", &key),
    );
    assert!(output.code == 0 && output.out.contains(&id) && !output.out.contains(&key), "{output:?}");
    let nothing = folder.run(["keys", "verify", "--endpoint", "GET_TASKS"]).rejected();
    assert!(nothing.err.contains("standard input is empty"), "{nothing:?}");
    let wrong = folder.run_with_input(&key, ["keys", "verify", "--endpoint", &key]).rejected();
    assert!(!wrong.err.contains(&key), "{wrong:?}");
    folder.run(["keys", "verify", &key, "--endpoint", "GET_TASKS"]).usage_error();
}

#[test]
fn lists_are_printed_in_pages_or_completely() {
    let folder = Folder::with_gatekeeper();
    for name in ["a", "b", "c"] {
        folder.run(["keys", "create", "--name", name]).success();
    }
    let first = folder.run(["keys", "list", "--limit", "2"]).success();
    assert_eq!(first.out.lines().count(), 3, "{first:?}");
    let cursor =
        first.err.split_whitespace().skip_while(|word| *word != "--cursor").nth(1).expect("a cursor");
    let cursor = cursor.trim_end_matches(',');
    assert!(folder.run(["keys", "list", "--cursor", cursor]).success().out.contains(" c "));

    let page = folder.json(["keys", "list", "--limit", "2"]);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let all = folder.run(["keys", "list", "--all", "--json"]).success();
    let names: Vec<Value> =
        all.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(folder.run(["keys", "list", "--all"]).success().out.lines().count(), 4);
    assert!(folder.run(["keys", "list", "--cursor", "canary"]).rejected().err.contains("nextCursor"));
}

#[test]
fn the_operator_manages_tenants_and_their_members() {
    let folder = Folder::with_gatekeeper();
    let tenant = text(&folder.json(["tenants", "create", "Acme Inc"])["id"]);
    let user = text(&sign_up(&folder, "ada@example.com")["user"]["id"]);
    let in_tenant = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--tenant", &tenant]).collect();
        folder.run(all)
    };
    in_tenant(&["tenants", "members", "add", &user, "--role", "owner"]).success();
    assert!(in_tenant(&["tenants", "members", "list"]).success().out.contains("ada@example.com"));
    let last = in_tenant(&["tenants", "members", "update", &user, "--role", "member"]).rejected();
    assert!(last.err.contains("must have an owner"), "{last:?}");

    assert_eq!(in_tenant(&["permissions", "can", &user, "keys:write"]).success().out, "yes\n");
    assert!(in_tenant(&["permissions", "list", &user]).success().out.starts_with("*:*\n"));
    let stranger = text(&sign_up(&folder, "eve@example.com")["user"]["id"]);
    assert_eq!(in_tenant(&["permissions", "can", &stranger, "keys:write"]).rejected().out, "no\n");

    assert_eq!(folder.json(["tenants", "rename", &tenant, "Acme"])["name"], "Acme");
    assert_eq!(folder.json(["tenants", "get", &tenant])["name"], "Acme");
    assert!(folder.run(["tenants", "remove", &tenant]).usage_error().err.contains("--yes"));
    assert_eq!(folder.run(["tenants", "remove", &tenant, "--yes"]).success().out, "removed\n");
    assert!(in_tenant(&["keys", "list"]).rejected().err.contains("not found"));
}

#[test]
fn a_user_acts_with_their_token_on_an_embedded_database_too() {
    let folder = Folder::with_gatekeeper();
    sign_up(&folder, "ada@example.com");
    let login = folder
        .run_with_input("correct horse\n", ["users", "login", "ada@example.com", "--json"])
        .success()
        .json();
    let token = text(&login["accessToken"]);
    let as_ada =
        |arguments: &[&str]| output_of(folder.command().args(arguments).env("GATEKEEPER_TOKEN", &token));
    assert!(as_ada(&["users", "me"]).success().out.contains("ada@example.com"));
    assert_eq!(
        as_ada(&["users", "sessions", "--json"]).success().json()["items"].as_array().unwrap().len(),
        2
    );

    let mut change = folder.command();
    change.args(["users", "change-password"]).env("GATEKEEPER_TOKEN", &token);
    assert!(
        output_with_input(&mut change, "correct horse\nbattery staple\n")
            .success()
            .out
            .starts_with("changed")
    );
    let session = as_ada(&["users", "sessions", "--json"]).success().json();
    assert_eq!(session["items"].as_array().unwrap().len(), 1);
    let refreshed =
        folder.run_with_input(&text(&login["refreshToken"]), ["users", "refresh", "--json"]).success().json();
    assert!(refreshed["accessToken"].is_string());
    let id = text(&session["items"][0]["id"]);
    assert_eq!(as_ada(&["users", "revoke-session", &id]).success().out, "ended\n");

    let over = as_ada(&["users", "me", "--json"]).rejected();
    assert_eq!((&over.error()["status"], &over.error()["code"]), (&401.into(), &"unauthorized".into()));
    let anonymous = folder.run(["users", "me"]).rejected();
    assert!(anonymous.err.contains("GATEKEEPER_TOKEN is not set"), "{anonymous:?}");
    let wrong = folder.run_with_input("canary\n", ["users", "login", "ada@example.com"]).rejected();
    assert!(!wrong.err.contains("canary"), "{wrong:?}");
    for logout in [&["users", "logout"][..], &["users", "logout", "--all"]] {
        let login = folder
            .run_with_input("battery staple", ["users", "login", "ada@example.com", "--json"])
            .success()
            .json();
        let out =
            output_of(folder.command().args(logout).env("GATEKEEPER_TOKEN", text(&login["accessToken"])));
        assert_eq!(out.success().out, "logged out\n");
    }
}

#[test]
fn usage_is_recorded_within_a_quota_and_summed() {
    let folder = Folder::with_gatekeeper();
    folder.run(["platform", "set-quota", "3", "--period", "day"]).success();
    let record =
        ["usage", "record", "inference", "completion", "--quantity", "2", "--idempotency-key", "one"];
    assert_eq!(folder.json(record)["id"], folder.json(record)["id"], "recorded once");
    assert!(folder.run(["usage", "check"]).success().out.starts_with("allowed    yes\n"));
    assert_eq!(folder.run(["usage", "check", "--quantity", "2"]).rejected().err, "");
    folder.run(["usage", "check-and-record", "inference", "completion"]).success();
    let full =
        folder.run(["usage", "check-and-record", "inference", "completion", "--json"]).rejected().error();
    assert_eq!((&full["status"], &full["code"]), (&402.into(), &"plan_limit".into()));
    assert_eq!(full["details"]["quota"]["remaining"], 0);
    assert_eq!(folder.json(["usage", "summary", "--period", "day"])["totalUsage"], 3);
    assert_eq!(folder.run(["usage", "events", "--all"]).success().out.lines().count(), 3);
    folder.run(["platform", "set-quota", "none"]).success();
    assert_eq!(folder.json(["usage", "check"])["level"], "unlimited");
    assert_eq!(folder.json(["platform", "rotate-signing-key"])["algorithm"], "EdDSA");
}

#[test]
fn the_operator_reads_the_events_of_all_tenants_and_those_without_one() {
    let folder = Folder::with_gatekeeper();
    folder.run(["platform", "rotate-signing-key"]).success();
    assert!(!folder.run(["audit", "query", "--all"]).success().out.contains("signing_key.rotated"));
    let table = folder.run(["audit", "query", "--all-tenants"]).success().out;
    assert!(table.contains("signing_key.rotated") && table.contains("root_key.created"), "{table}");
    let exported =
        folder.run(["audit", "export", "--all-tenants", "--action-prefix", "signing_key."]).success();
    let event: Value = serde_json::from_str(exported.out.trim()).unwrap();
    assert_eq!((&event["tenantId"], &event["actorType"]), (&Value::Null, &"operator".into()));
    let both = folder.run(["audit", "query", "--all-tenants", "--tenant", "default"]);
    assert_eq!(both.code, 2, "{both:?}");
}

#[test]
fn a_root_key_that_leaked_is_replaced_and_revoked() {
    let folder = Folder::with_gatekeeper();
    let leaked = folder.json(["root-keys", "list"])["items"][0]["id"].clone();
    let new = folder.json(["root-keys", "create"]);
    assert!(new["plainTextKey"].as_str().is_some_and(|key| key.starts_with("gkr_")), "{new}");
    folder.run(["root-keys", "revoke", leaked.as_str().unwrap()]).success();
    let left = folder.json(["root-keys", "list", "--all"]);
    assert_eq!((&left["id"], left.get("plainTextKey")), (&new["id"], None), "{left}");
    assert!(
        folder.run(["root-keys", "revoke", leaked.as_str().unwrap()]).rejected().err.contains("not found")
    );
}

#[test]
fn audit_events_can_be_queried_and_exported() {
    let folder = Folder::with_gatekeeper();
    let (id, _) = folder.key();
    folder.run(["audit", "record", "invoice.paid", "--target", "=1+1\u{1b}[2J"]).success();
    let events =
        folder.json(["audit", "query", "--action-prefix", "key.", "--since", "2020-01-01T00:00:00Z"]);
    assert_eq!(
        (&events["items"][0]["action"], &events["items"][0]["target"]),
        (&"key.created".into(), &id.into())
    );
    assert!(!folder.run(["audit", "query"]).success().out.contains('\u{1b}'));
    let csv = folder.run(["audit", "export", "--format", "csv"]).success().out;
    assert!(csv.starts_with("id,tenantId,actorType"), "{csv}");
    let lines = folder.run(["audit", "export"]).success().out;
    assert!(
        lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && lines.lines().count() == 3
    );
    assert_eq!(folder.json(["audit", "query", "--until", "-1"])["items"], json!([]));
}

#[test]
fn any_operation_can_be_called_by_its_name() {
    let folder = Folder::with_gatekeeper();
    assert!(folder.run(["call", "tenants.list"]).success().out.contains("\"items\": ["));
    let request = json!({ "tenantId": "tnt_00000000000000000000000000", "name": "x" }).to_string();
    let created =
        folder.run_with_input(&request, ["call", "keys.create", "--input", "-", "--json"]).success().json();
    assert_eq!(created["apiKey"]["name"], "x");
    folder.write("request.json", &request);
    folder.run(["call", "keys.create", "--input", "request.json"]).success();
    let unknown = folder.run(["call", "keys.make"]);
    assert!(unknown.code == 2 && unknown.err.contains("keys.create"), "{unknown:?}");
    assert!(
        folder
            .run_with_input("{\"x\": 1}", ["call", "keys.list", "--input", "-"])
            .rejected()
            .err
            .contains("x is not known")
    );
    assert!(
        folder
            .run_with_input("nonsense", ["call", "keys.list", "--input", "-"])
            .rejected()
            .err
            .contains("JSON")
    );
    assert!(
        folder.run(["call", "keys.list", "--input", "no.json"]).rejected().err.contains("cannot be read")
    );
}

fn sign_up(folder: &Folder, email: &str) -> Value {
    folder
        .run_with_input("correct horse\n", ["users", "create", email, "--name", "Ada", "--json"])
        .success()
        .json()
}

#[test]
fn the_operator_makes_an_account_and_its_tenant_in_one_step() {
    let folder = Folder::with_gatekeeper();
    let create = |email: &str, tenant: &str| {
        folder.run_with_input("correct horse\n", ["users", "create", email, "--tenant", tenant, "--json"])
    };
    let made = create("ada@example.com", "Acme Inc").success().json();
    assert_eq!((&made["tenant"]["name"], &made["tenant"]["role"]), (&"Acme Inc".into(), &"owner".into()));
    let acme = text(&made["tenant"]["id"]);
    let shared = create("ben@example.com", &acme).success().json();
    assert_eq!(shared["tenant"]["id"], made["tenant"]["id"]);
    let of_default = create("cy@example.com", "default").success().json();
    assert_eq!(of_default["tenant"]["id"], "tnt_00000000000000000000000000");

    let tenants = || folder.json(["tenants", "list"])["items"].as_array().unwrap().len();
    assert_eq!(tenants(), 2);
    assert_eq!(create("ada@example.com", "Other Inc").rejected().error()["code"], "conflict");
    assert_eq!(tenants(), 2, "no tenant without its account");
    assert_eq!(create("dee@example.com", "tnt_7zzzzzzzzzzzzzzzzzzzzzzzzz").rejected().error()["status"], 404);
    folder.run_with_input("correct horse\n", ["users", "login", "dee@example.com"]).rejected();
    let over_http = ["users", "create", "e@example.com", "--tenant", "x", "--url", "http://127.0.0.1:9"];
    assert!(
        folder
            .run_with_input("correct horse\n", over_http)
            .usage_error()
            .err
            .contains("gatekeeper tenants create")
    );
}

#[test]
fn a_key_is_verified_for_the_selected_tenant_or_for_the_tenants_given() {
    let folder = Folder::with_gatekeeper();
    let acme = text(&folder.json(["tenants", "create", "Acme Inc"])["id"]);
    let foreign = text(&folder.json(["keys", "create", "--tenant", &acme])["plainTextKey"]);
    let (_, own) = folder.key();
    let both = format!("default,{acme}");
    let of_acme = ["--tenant", &acme];
    for (arguments, accepts_own, accepts_foreign) in [
        (&[][..], true, false),
        (&of_acme[..], false, true),
        (&["--tenants", &both], true, true),
        (&["--tenants", "all"], true, true),
        (&["--tenants", "default", "--tenant", &acme], true, false),
    ] {
        for (key, is_accepted) in [(&own, accepts_own), (&foreign, accepts_foreign)] {
            let arguments = [&["keys", "verify", "--endpoint", "GET_TASKS", "--json"], arguments].concat();
            let output = folder.run_with_input(key, &arguments);
            assert_eq!(
                (output.code, output.json()["keyValid"] == true),
                (i32::from(!is_accepted), is_accepted),
                "{output:?}"
            );
        }
    }
}

#[test]
fn prune_deletes_expired_rows_and_reports_how_many() {
    let folder = Folder::with_gatekeeper();
    let failure =
        "INSERT INTO login_failures VALUES (randomblob(32), '192.0.2.1', 9, 1000 * unixepoch() - 90000000)";
    rusqlite::Connection::open(folder.file("gatekeeper.db")).unwrap().execute(failure, []).unwrap();
    for rows in [1, 0] {
        let done = folder.run(["prune", "--json"]).success().json();
        assert_eq!((&done["rows"], &done["heldBackMs"]), (&rows.into(), &0.into()), "{done}");
    }
    assert!(folder.run(["prune"]).success().out.contains("deleted rows: 0"));
    assert!(
        folder
            .run(["prune", "--url", "http://localhost:1"])
            .rejected()
            .err
            .contains("on the server's machine")
    );
}
