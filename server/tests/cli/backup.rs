use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use gatekeeper::{Gatekeeper, RecordUsage, UsageInput};
use rusqlite::Connection;

use crate::support::{Folder, text};

#[test]
fn a_backup_made_while_others_write_is_whole_and_as_of_one_moment() {
    let folder = Folder::with_place();
    let (id, key) = folder.key();
    let place = Gatekeeper::open(folder.file("gatekeeper.db").to_str().unwrap()).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    let metadata = serde_json::json!({ "filler": "x".repeat(4000) });
                    let input = UsageInput {
                        metadata: metadata.as_object().cloned(),
                        ..UsageInput::new(Gatekeeper::DEFAULT_TENANT, "inference", "completion")
                    };
                    place.call_blocking(RecordUsage(input)).unwrap();
                }
            });
        }
        for round in 0..5 {
            let file = format!("backup-{round}.db");
            let said = folder.run(["backup", &file, "--with-secret", "--json"]).done().json();
            assert_eq!(said["bytes"], fs::metadata(folder.file(&file)).unwrap().len());
        }
        over.store(true, Relaxed);
    });
    let mut before = 0;
    for round in 0..5 {
        let file = folder.file(&format!("backup-{round}.db"));
        for made in [file.clone(), folder.file(&format!("backup-{round}.db-secret"))] {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let events = check(&file);
        assert!(events >= before, "later backups hold more");
        before = events;
    }
    // It is a place, with the same secret.
    let url = folder.file("backup-4.db");
    let found = folder.json(["keys", "get", &id, "--url", url.to_str().unwrap()]);
    assert_eq!(found["id"], id.as_str());
    let verify = ["keys", "verify", "--endpoint", "GET_TASKS", "--json", "--url", url.to_str().unwrap()];
    assert_eq!(folder.tell(&key, verify).done().json()["ok"], true);
    let partial = |name: &str| name.contains("partial") || name.ends_with("-journal");
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !partial(name.to_str().unwrap())));
}

#[test]
fn a_backup_that_is_put_back_is_the_place_as_it_was() {
    let folder = Folder::with_place();
    let (id, key) = folder.key();
    let verify = || folder.tell(&key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]);
    verify().done();
    folder.run(["backup", "b.db", "--with-secret"]).done();
    folder.run(["keys", "revoke", &id]).done();
    let (later, _) = folder.key();
    verify().refused();
    for beside in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.file(&format!("gatekeeper.db{beside}")));
    }
    fs::remove_dir_all(folder.file("gatekeeper.db-shared")).unwrap();
    fs::copy(folder.file("b.db"), folder.file("gatekeeper.db")).unwrap();
    fs::copy(folder.file("b.db-secret"), folder.file("gatekeeper.db-secret")).unwrap();
    verify().done();
    assert_eq!(folder.run(["keys", "get", &later]).refused().out, "");
    folder.run(["keys", "revoke", &id]).done();
    verify().refused();
}

/// How many events the backup has; it is sound, and its sums are those of its events.
fn check(file: &std::path::Path) -> i64 {
    let database = Connection::open(file).unwrap();
    let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mode: String = database.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "one file holds all of it");
    let events = one("SELECT count(*) FROM usage_events");
    assert_eq!(events, one("SELECT coalesce(sum(events), 0) FROM usage_sums WHERE period = 'month'"));
    events
}

#[test]
fn a_backup_replaces_nothing_unless_it_is_told_to() {
    let folder = Folder::with_place();
    folder.run(["backup", "b.db"]).done();
    let before = fs::read(folder.file("b.db")).unwrap();
    let said = folder.run(["backup", "b.db", "--json"]).refused();
    assert_eq!(said.error()["code"], "conflict");
    assert_eq!(fs::read(folder.file("b.db")).unwrap(), before);
    folder.key();
    folder.run(["backup", "b.db", "--force"]).done();
    assert_ne!(fs::read(folder.file("b.db")).unwrap(), before);
    assert!(folder.run(["backup", "gatekeeper.db", "--force"]).refused().err.contains("itself"));
}

#[test]
fn a_backup_says_what_is_in_its_way_and_what_else_to_keep() {
    let folder = Folder::with_place();
    assert!(folder.run(["backup", "b.db"]).done().err.contains("gatekeeper.db-secret"));
    assert!(folder.run(["backup", "."]).refused().err.contains("is a folder"));
    assert!(folder.run(["backup", "no/such/b.db"]).refused().err.contains("cannot be made"));
    assert!(
        folder.run(["backup", "b", "--url", "http://localhost:1"]).refused().err.contains("on its machine")
    );
    assert!(folder.run(["backup", "b", "--url", "memory:"]).refused().err.contains("in memory"));
    folder.write("other.db", "nonsense that is no database, for as long as a header of one");
    assert!(folder.run(["backup", "b", "--url", "other.db"]).refused().err.contains("not a database"));
    assert!(!folder.file("b").exists());
    let told = text(&folder.json(["backup", "c.db", "--with-secret"])["secret"]);
    assert_eq!(told, "c.db-secret");
}
