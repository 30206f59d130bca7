//! Rights that are removed while a call waits for the write lock: nothing is committed by them afterwards.
//!
//! Another connection holds the write lock, so that a call is admitted and then waits. The right is removed in that
//! connection's transaction, which the call cannot see yet; then it commits. (A call that is so slow that it is not
//! admitted by then is rejected at its admission: the test cannot fail by that.)

use std::fmt::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::platform::RevokeRootKey;
use gatekeeper::{KeyImports, Options, Result, Secret};
use gatekeeper_tests::{User, call, text};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Long enough for a call to be admitted.
const ADMITTED: Duration = Duration::from_millis(120);

/// A database file, and what is in it: a tenant with its owner and another user, an API key of the tenant and a root
/// key.
struct World {
    folder: TempDir,
    operator: Gatekeeper,
    owner: User,
    other: User,
    tenant: String,
    key: String,
    holder: Gatekeeper,
    root_key: String,
    root: Gatekeeper,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.key_imports = KeyImports::Members;
        let file = folder.path().join("gatekeeper.db");
        let operator = Gatekeeper::open_with(file.to_str().unwrap(), options).unwrap();
        let (owner, other) =
            (User::sign_up(&operator, "a@example.com"), User::sign_up(&operator, "b@example.com"));
        let tenant = owner.new_tenant("Acme Inc");
        let new = json!({ "tenantId": tenant, "scopes": ["*:*"] });
        let created = owner.call("keys.create", &new).unwrap();
        let holder = operator.with_token(&Secret::new(text(&created, "plainTextKey")));
        let key = text(created.get("apiKey").unwrap(), "id");
        let root = call(&operator, "platform.createRootKey", &json!({ "tenantId": tenant })).unwrap();
        let root_key = text(&root, "id");
        let root = operator.with_root_key(&Secret::new(text(&root, "plainTextKey")));
        Self { folder, operator, owner, other, tenant, key, holder, root_key, root }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("gatekeeper.db")
    }

    /// The stored rows that a call can change, as one text.
    fn contents(&self) -> String {
        let connection = Connection::open(self.file()).unwrap();
        let tables = ["tenants", "members", "sessions", "users", "api_keys", "usage_events", "audit_events"];
        let rows_of = |table: &str| {
            let sql = format!("SELECT * FROM {table} ORDER BY 1, 2");
            let mut statement = connection.prepare(&sql).unwrap();
            // The time of a key's last use is written as a side effect.
            let columns: Vec<usize> = (0..statement.column_count())
                .filter(|column| statement.column_name(*column).unwrap() != "last_used_at")
                .collect();
            let mut rows = statement.query([]).unwrap();
            let mut text = String::new();
            while let Some(row) = rows.next().unwrap() {
                for column in &columns {
                    write!(text, "{:?} ", row.get_ref(*column).unwrap()).unwrap();
                }
                text += "\n";
            }
            text
        };
        tables.map(rows_of).join("---\n")
    }

    /// Calls an operation while the write lock is held and `removal` runs under it, and returns the result. Nothing but
    /// the removal may have been written.
    fn call_while(
        &self,
        removal: &[&str],
        caller: &Gatekeeper,
        name: &str,
        request: &Value,
    ) -> Result<Value> {
        let other = Connection::open(self.file()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| call(caller, name, request));
            thread::sleep(ADMITTED);
            for statement in removal {
                other.execute_batch(statement).unwrap();
            }
            other.execute_batch("COMMIT").unwrap();
            let before = self.contents();
            let outcome = waiting.join().unwrap();
            if outcome.is_err() {
                assert_eq!(self.contents(), before, "{name} wrote something");
            }
            outcome
        })
    }

    /// The status of a call that must be rejected, because its right is removed while it waits.
    fn rejection(&self, removal: &[&str], caller: &Gatekeeper, name: &str, request: &Value) -> u16 {
        match self.call_while(removal, caller, name, request) {
            Ok(answer) => panic!("{name} was carried out after {removal:?}: {answer}"),
            Err(error) => error.status(),
        }
    }

    /// A request for each operation that writes to the tenant.
    fn writes(&self) -> Vec<(&'static str, Value)> {
        let (tenant, key, user) = (&self.tenant, &self.key, &self.other.id);
        let usage = json!({ "tenantId": tenant, "service": "s", "action": "a" });
        vec![
            ("tenants.update", json!({ "tenantId": tenant, "name": "Renamed" })),
            ("tenants.addMember", json!({ "tenantId": tenant, "userId": user })),
            ("keys.create", json!({ "tenantId": tenant })),
            ("keys.import", json!({ "tenantId": tenant, "keys": [{ "digest": "0".repeat(64) }] })),
            ("keys.update", json!({ "id": key, "name": "renamed" })),
            ("keys.rotate", json!({ "id": key })),
            ("keys.revoke", json!({ "id": key })),
            ("audit.record", json!({ "tenantId": tenant, "action": "invoice.paid" })),
            ("usage.record", usage.clone()),
            ("usage.checkAndRecord", usage),
            ("tenants.remove", json!({ "tenantId": tenant })),
        ]
    }
}

#[test]
fn a_membership_that_ends_while_a_call_waits_writes_nothing() {
    let world = World::new();
    for (name, request) in world.writes() {
        let removal = "DELETE FROM members WHERE role = 'owner'";
        assert_eq!(world.rejection(&[removal], &world.owner.gatekeeper, name, &request), 404, "{name}");
        let connection = Connection::open(world.file()).unwrap();
        let again = "INSERT INTO members (tenant_id, user_id, role, created_at) VALUES ($1, $2, 'owner', 0)";
        connection.execute(again, [&world.tenant, &world.owner.id]).unwrap();
    }
}

#[test]
fn a_call_has_the_rights_of_a_role_that_was_lowered_while_it_waited() {
    let world = World::new();
    let connection = Connection::open(world.file()).unwrap();
    let (tenant, other) = (&world.tenant, &world.other.id);
    let for_admins = ["tenants.update", "tenants.addMember", "keys.create", "audit.record", "tenants.remove"];
    let to_member = "UPDATE members SET role = 'member'";
    for (name, request) in world.writes() {
        if for_admins.contains(&name) {
            assert_eq!(world.rejection(&[to_member], &world.owner.gatekeeper, name, &request), 403, "{name}");
            connection.execute_batch("UPDATE members SET role = 'owner'").unwrap();
        }
    }
    // An admin may still make these calls, but makes no owner and grants no more than they have.
    let to_admin = "UPDATE members SET role = 'admin'";
    for (name, request) in [
        ("tenants.addMember", json!({ "tenantId": tenant, "userId": other, "role": "owner" })),
        ("keys.create", json!({ "tenantId": tenant, "scopes": ["tenants:delete"] })),
        ("keys.update", json!({ "id": world.key, "scopes": ["tenants:delete"] })),
        ("keys.rotate", json!({ "id": world.key })),
        (
            "keys.import",
            json!({ "tenantId": tenant, "keys": [{ "digest": "1".repeat(64), "scopes": ["*:*"] }] }),
        ),
    ] {
        assert_eq!(world.rejection(&[to_admin], &world.owner.gatekeeper, name, &request), 403, "{name}");
        connection.execute_batch("UPDATE members SET role = 'owner'").unwrap();
    }
}

#[test]
fn a_session_that_ends_while_a_call_waits_writes_nothing() {
    let world = World::new();
    let connection = Connection::open(world.file()).unwrap();
    let mut writes = world.writes();
    writes.extend([
        ("tenants.create", json!({ "name": "Another" })),
        (
            "auth.changePassword",
            json!({ "currentPassword": "correct horse", "newPassword": "battery staple" }),
        ),
        ("auth.logoutAll", json!({})),
    ]);
    for removal in ["UPDATE sessions SET revoked_at = 1", "UPDATE sessions SET expires_at = 1"] {
        for (name, request) in &writes {
            assert_eq!(world.rejection(&[removal], &world.owner.gatekeeper, name, request), 401, "{name}");
            let again = "UPDATE sessions SET revoked_at = NULL, expires_at = 9007199254740991";
            connection.execute_batch(again).unwrap();
        }
    }
}

#[test]
fn an_api_key_that_is_revoked_or_loses_scopes_while_its_call_waits_writes_nothing() {
    let world = World::new();
    let connection = Connection::open(world.file()).unwrap();
    let mut statuses = Vec::new();
    for removal in [
        "UPDATE api_keys SET status = 'revoked'",
        "UPDATE api_keys SET status = 'disabled'",
        "UPDATE api_keys SET expires_at = 1",
        "UPDATE api_keys SET digest = zeroblob(32)",
        "UPDATE api_keys SET scopes = '[\"read\"]'",
    ] {
        let digest: Vec<u8> =
            connection.query_row("SELECT digest FROM api_keys", [], |row| row.get(0)).unwrap();
        for (name, request) in world.writes() {
            statuses.push(world.rejection(&[removal], &world.holder, name, &request));
            let again =
                "UPDATE api_keys SET status = 'active', expires_at = NULL, scopes = '[\"*:*\"]', digest = $1";
            connection.execute(again, [&digest]).unwrap();
        }
    }
    let count = world.writes().len();
    assert!(statuses[..4 * count].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses[4 * count..].iter().all(|status| *status == 403), "{statuses:?}");
}

#[test]
fn an_imported_key_that_is_revoked_while_its_call_waits_writes_nothing() {
    let world = World::new();
    let key = json!({ "digest": IMPORTED, "suffix": "pepper", "scopes": ["*:*"] });
    let import = json!({ "tenantId": world.tenant, "keys": [key] });
    call(&world.operator, "keys.import", &import).unwrap();
    let holder = world.operator.with_token(&Secret::new("foreign-key"));
    let request = json!({ "tenantId": world.tenant, "action": "invoice.paid" });
    assert!(call(&holder, "audit.record", &request).is_ok());
    let removal = "UPDATE api_keys SET status = 'revoked' WHERE hashed_suffix IS NOT NULL";
    assert_eq!(world.rejection(&[removal], &holder, "audit.record", &request), 401);
}

/// SHA-256 of `foreign-keypepper`.
const IMPORTED: &str = "cff21a5fe6e9f19819bdeee3b18f6ea8e461b69978fa7e760c143aa7c2568954";

#[test]
fn an_api_key_that_loses_keys_read_while_it_waits_records_for_no_other_key() {
    let world = World::new();
    let scoped = json!({ "tenantId": world.tenant, "scopes": ["usage:write", "keys:read"] });
    let created = world.owner.call("keys.create", &scoped).unwrap();
    let recorder = world.operator.with_token(&Secret::new(text(&created, "plainTextKey")));
    let request = json!({ "tenantId": world.tenant, "service": "s", "action": "a", "apiKeyId": world.key });
    assert!(call(&recorder, "usage.record", &request).is_ok());
    let removal = "UPDATE api_keys SET scopes = '[\"usage:write\"]' WHERE scopes LIKE '%keys:read%'";
    assert_eq!(world.rejection(&[removal], &recorder, "usage.record", &request), 403);
}

#[test]
fn a_root_key_that_is_revoked_while_its_call_waits_writes_nothing() {
    let world = World::new();
    let connection = Connection::open(world.file()).unwrap();
    let created = call(&world.root, "keyManager.createKey", &json!({ "prefix": "user" })).unwrap();
    let id = text(&created, "id");
    let mut writes = world.writes();
    writes.extend([
        ("keyManager.createKey", json!({ "prefix": "user" })),
        ("keyManager.addRoles", json!({ "id": id, "roles": ["PRO"] })),
        ("keyManager.rotateKey", json!({ "id": id })),
        ("keyManager.deleteKey", json!({ "id": id })),
    ]);
    for (name, request) in writes {
        let digest: Vec<u8> =
            connection.query_row("SELECT digest FROM root_keys", [], |row| row.get(0)).unwrap();
        let removal = "DELETE FROM root_keys";
        assert_eq!(world.rejection(&[removal], &world.root, name, &request), 401, "{name}");
        let again = "INSERT INTO root_keys (id, tenant_id, digest, created_at) VALUES ($1, $2, $3, 0)";
        connection.execute(again, rusqlite::params![world.root_key, world.tenant, digest]).unwrap();
    }
    world.operator.call(RevokeRootKey { id: world.root_key.parse().unwrap() }).unwrap();
}

#[test]
fn a_tenant_that_is_removed_while_calls_wait_gets_nothing_written() {
    let removal = [
        "PRAGMA defer_foreign_keys = 1",
        "DELETE FROM members",
        "DELETE FROM api_keys",
        "DELETE FROM root_keys",
        "DELETE FROM tenants WHERE name = 'Acme Inc'",
    ];
    for (who, status) in [("member", 404), ("API key", 401), ("root key", 401), ("operator", 404)] {
        for name in ["tenants.update", "audit.record", "usage.record", "keys.create"] {
            let world = World::new();
            let request = world.writes().into_iter().find(|(each, _)| *each == name).unwrap().1;
            let caller = match who {
                "member" => &world.owner.gatekeeper,
                "API key" => &world.holder,
                "root key" => &world.root,
                _ => &world.operator,
            };
            assert_eq!(world.rejection(&removal, caller, name, &request), status, "{who}: {name}");
        }
    }
}

#[test]
fn a_call_whose_rights_stay_is_carried_out_after_its_wait() {
    let world = World::new();
    for (name, request) in world.writes() {
        let by = if name == "tenants.remove" { &world.root } else { &world.owner.gatekeeper };
        world.call_while(&[], by, name, &request).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
