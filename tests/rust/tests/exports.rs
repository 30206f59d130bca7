//! Exports of an audit log, and pages of large items: bounded in bytes, and complete.

mod serving;

use std::path::Path;

use gatekeeper::TenantId;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::keys::CreateApiKey;
use gatekeeper_tests::{call, text};
use rusqlite::Connection;
use serde_json::{Value, json};
use serving::Serving;
use tempfile::TempDir;

const KIB: usize = 1024;

/// A file with a tenant.
struct World {
    _folder: TempDir,
    operator: Gatekeeper,
    tenant: TenantId,
}

impl World {
    /// A file whose tenant has only `count` events with this many bytes of metadata, one a millisecond from 1 on.
    fn with_events(count: usize, bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gatekeeper.db");
        let operator = Gatekeeper::open(file.to_str().unwrap()).unwrap();
        let tenant = operator.create_root_key("Acme").unwrap().tenant_id;
        add_events(&file, tenant, count, bytes);
        Self { _folder: folder, operator, tenant }
    }

    fn request(&self, more: &Value) -> Value {
        let mut request = json!({ "tenantId": self.tenant });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    }
}

fn add_events(file: &Path, tenant: TenantId, count: usize, bytes: usize) {
    let sql = "DELETE FROM audit_events;
        WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :count)
        INSERT INTO audit_events (id, tenant_id, actor_type, actor_id, action, target, metadata, source, created_at)
        SELECT printf('aud_%026d', n), ':tenant', 'operator', 'actor-' || (n % 2), 'invoice.paid', NULL,
            '{\"text\":\"' || substr(hex(zeroblob(:bytes)), 1, :bytes) || '\"}', NULL, n FROM number;";
    let sql = sql.replace(":count", &count.to_string()).replace(":tenant", &tenant.to_string());
    Connection::open(file).unwrap().execute_batch(&sql.replace(":bytes", &bytes.to_string())).unwrap();
}

/// The texts of all parts.
fn parts(gatekeeper: &Gatekeeper, mut request: Value) -> Vec<String> {
    let mut parts = Vec::new();
    loop {
        let page = call(gatekeeper, "audit.exportParts", &request).unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 1);
        parts.extend(items.iter().map(|part| text(part, "text")));
        match page["nextCursor"].as_str() {
            Some(cursor) => request["cursor"] = cursor.into(),
            None => return parts,
        }
    }
}

#[test]
fn an_export_has_parts_of_bounded_size_that_are_complete_together() {
    let world = World::with_events(500, 4 * KIB);
    let serving = Serving::new(world.operator.clone());
    let root = call(&world.operator, "platform.createRootKey", &json!({ "tenantId": world.tenant })).unwrap();
    let remote = serving.remote().with_token(&gatekeeper::Secret::new(text(&root, "plainTextKey")));
    for gatekeeper in [&world.operator, &remote] {
        for format in ["ndjson", "csv"] {
            let request = world.request(&json!({ "format": format }));
            let parts = parts(gatekeeper, request.clone());
            assert!(parts.len() > 10, "{}", parts.len());
            assert!(parts.iter().all(|part| part.len() < 256 * KIB && part.ends_with('\n')));
            let whole = call(gatekeeper, "audit.export", &request).unwrap();
            assert!(whole.as_str().unwrap() == parts.concat(), "{format}");
        }
    }
}

#[test]
fn an_export_has_the_events_of_its_filter() {
    let world = World::with_events(100, 10);
    let lines = |more: Value| {
        let whole = call(&world.operator, "audit.export", &world.request(&more)).unwrap();
        assert_eq!(parts(&world.operator, world.request(&more)).concat(), whole.as_str().unwrap());
        whole.as_str().unwrap().lines().count()
    };
    assert_eq!(lines(json!({})), 100);
    assert_eq!(lines(json!({ "actionPrefix": "invoice." })), 100);
    assert_eq!(lines(json!({ "startTimestamp": 11, "endTimestamp": 21 })), 10);
    assert_eq!(lines(json!({ "actorId": "actor-1", "endTimestamp": 21 })), 10);
    assert_eq!(lines(json!({ "actorId": "nothing" })), 0);
    assert_eq!(lines(json!({ "actorId": "nothing", "format": "csv" })), 1, "the names of the columns");
    let page = call(&world.operator, "audit.query", &world.request(&json!({ "limit": 3 }))).unwrap();
    assert_eq!(lines(json!({ "cursor": page["nextCursor"] })), 100 - 3);
    let wrong = world.request(&json!({ "cursor": "nonsense" }));
    assert_eq!(call(&world.operator, "audit.export", &wrong).unwrap_err().status(), 400);
}

#[test]
fn the_error_of_an_export_too_long_for_one_text_says_how_to_get_it() {
    let world = World::with_events(8400, 8 * KIB);
    let error = call(&world.operator, "audit.export", &world.request(&json!({}))).unwrap_err();
    assert_eq!((error.status(), error.message().contains("audit.exportParts")), (413, true), "{error}");
    let some = world.request(&json!({ "startTimestamp": 1, "endTimestamp": 101 }));
    assert_eq!(call(&world.operator, "audit.export", &some).unwrap().as_str().unwrap().lines().count(), 100);
}

#[test]
fn a_page_of_large_items_ends_at_a_bound_of_bytes_and_the_next_one_continues() {
    let serving = Serving::in_memory();
    let root = serving.operator.create_root_key("Acme").unwrap();
    let remote = serving.remote().with_root_key(&root.key);
    let roles: Vec<String> = (0..1000).map(|number| format!("{number:0>128}")).collect();
    let largest = || CreateApiKey { roles: roles.clone(), ..CreateApiKey::new(root.tenant_id) };
    let made: Vec<String> = (0..20).map(|_| remote.call(largest()).unwrap().api_key.id.to_string()).collect();
    let (mut listed, mut pages) = (Vec::new(), 0);
    let mut request = json!({ "tenantId": root.tenant_id, "limit": 100 });
    loop {
        let page = call(&remote, "keys.list", &request).unwrap();
        assert!(page.to_string().len() < 1500 * KIB, "{}", page.to_string().len());
        listed.extend(page["items"].as_array().unwrap().iter().map(|key| text(key, "id")));
        pages += 1;
        match page["nextCursor"].as_str() {
            Some(cursor) => request["cursor"] = cursor.into(),
            None => break,
        }
    }
    assert_eq!(listed, made);
    assert!((2..=10).contains(&pages), "{pages}");
}
