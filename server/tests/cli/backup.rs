use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::usage::{RecordUsage, UsageInput};
use rusqlite::Connection;

use crate::support::{Folder, text};

#[test]
fn a_backup_made_during_writes_is_complete_and_consistent() {
    let folder = Folder::with_gatekeeper();
    let (id, key) = folder.key();
    let gatekeeper = Gatekeeper::open(folder.file("gatekeeper.db").to_str().unwrap()).unwrap();
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
                    gatekeeper.call(RecordUsage(input)).unwrap();
                }
            });
        }
        for round in 0..5 {
            let file = format!("backup-{round}.db");
            let output = folder.run(["backup", &file, "--with-secret", "--json"]).success().json();
            assert_eq!(output["bytes"], fs::metadata(folder.file(&file)).unwrap().len());
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
    // A backup is itself a database, with the same secret.
    let url = folder.file("backup-4.db");
    let found = folder.json(["keys", "get", &id, "--url", url.to_str().unwrap()]);
    assert_eq!(found["id"], id.as_str());
    let verify = ["keys", "verify", "--endpoint", "GET_TASKS", "--json", "--url", url.to_str().unwrap()];
    assert_eq!(folder.run_with_input(&key, verify).success().json()["ok"], true);
    let partial = |name: &str| name.contains("partial") || name.ends_with("-journal");
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !partial(name.to_str().unwrap())));
}

#[test]
fn a_backup_that_is_copied_back_restores_the_database() {
    let folder = Folder::with_gatekeeper();
    let (id, key) = folder.key();
    let verify = || folder.run_with_input(&key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]);
    verify().success();
    folder.run(["backup", "b.db", "--with-secret"]).success();
    folder.run(["keys", "revoke", &id]).success();
    let (later, _) = folder.key();
    verify().rejected();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.file(&format!("gatekeeper.db{suffix}")));
    }
    fs::remove_dir_all(folder.file("gatekeeper.db-shared")).unwrap();
    fs::copy(folder.file("b.db"), folder.file("gatekeeper.db")).unwrap();
    fs::copy(folder.file("b.db-secret"), folder.file("gatekeeper.db-secret")).unwrap();
    verify().success();
    assert_eq!(folder.run(["keys", "get", &later]).rejected().out, "");
    folder.run(["keys", "revoke", &id]).success();
    verify().rejected();
}

/// The number of events in a backup, whose integrity and sums are checked.
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
fn a_backup_replaces_a_file_only_with_force() {
    let folder = Folder::with_gatekeeper();
    folder.run(["backup", "b.db"]).success();
    let before = fs::read(folder.file("b.db")).unwrap();
    let output = folder.run(["backup", "b.db", "--json"]).rejected();
    assert_eq!(output.error()["code"], "conflict");
    assert_eq!(fs::read(folder.file("b.db")).unwrap(), before);
    folder.key();
    folder.run(["backup", "b.db", "--force"]).success();
    assert_ne!(fs::read(folder.file("b.db")).unwrap(), before);
    assert!(folder.run(["backup", "gatekeeper.db", "--force"]).rejected().err.contains("itself"));
}

#[test]
fn a_backup_reports_why_it_fails_and_what_else_to_keep() {
    let folder = Folder::with_gatekeeper();
    assert!(folder.run(["backup", "b.db"]).success().err.contains("gatekeeper.db-secret"));
    assert!(folder.run(["backup", "."]).rejected().err.contains("is a folder"));
    assert!(folder.run(["backup", "no/such/b.db"]).rejected().err.contains("cannot be made"));
    assert!(
        folder
            .run(["backup", "b", "--url", "http://localhost:1"])
            .rejected()
            .err
            .contains("on the server's machine")
    );
    assert!(folder.run(["backup", "b", "--url", "memory:"]).rejected().err.contains("in memory"));
    folder.write("other.db", "nonsense that is no database, for as long as a header of one");
    assert!(folder.run(["backup", "b", "--url", "other.db"]).rejected().err.contains("not a database"));
    assert!(!folder.file("b").exists());
    let secret = text(&folder.json(["backup", "c.db", "--with-secret"])["secret"]);
    assert_eq!(secret, "c.db-secret");
}

#[test]
fn a_backup_is_restored_while_programs_use_the_database_and_the_previous_one_is_kept() {
    let folder = Folder::with_gatekeeper();
    let (id, key) = folder.key();
    let verify = || folder.run_with_input(&key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]);
    folder.run(["backup", "b.db", "--with-secret"]).success();
    let running = Gatekeeper::open(folder.file("gatekeeper.db").to_str().unwrap()).unwrap();
    let list = || {
        let request = format!(r#"{{"tenantId": "{}"}}"#, Gatekeeper::DEFAULT_TENANT);
        let listed = running.call_json("keys.list", &request).unwrap();
        serde_json::from_str::<serde_json::Value>(&listed).unwrap()["items"].as_array().unwrap().len()
    };
    folder.run(["keys", "revoke", &id]).success();
    let (later, _) = folder.key();
    assert_eq!(list(), 2);
    verify().rejected();

    assert!(folder.run(["restore", "b.db"]).rejected().err.contains("--force"));
    let done = folder.run(["restore", "b.db", "--with-secret", "--force", "--json"]).success().json();
    assert_eq!(list(), 1, "the program that runs has the restored records");
    verify().success();
    folder.run(["keys", "get", &later]).rejected();
    folder.run(["keys", "revoke", &id]).success();
    verify().rejected();
    // The previous database is kept, with every commit.
    let kept = text(&done["kept"]);
    folder.run(["keys", "get", &later, "--url", &kept]).success();
    assert_eq!(fs::metadata(folder.file(&kept)).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(done["secret"].is_null(), "it is the same");
}

#[test]
fn a_database_that_is_gone_or_damaged_is_restored_and_the_damaged_one_is_kept() {
    let folder = Folder::with_gatekeeper();
    let (_, key) = folder.key();
    let verify = || folder.run_with_input(&key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]);
    folder.run(["backup", "b.db", "--with-secret"]).success();
    folder.write("gatekeeper.db", "nonsense that is no database".repeat(1000));
    let done = folder.run(["restore", "b.db", "--force", "--json"]).success().json();
    assert!(fs::read(folder.file(&text(&done["kept"]))).unwrap().starts_with(b"nonsense"));
    verify().success();
    fs::remove_file(folder.file("gatekeeper.db")).unwrap();
    fs::remove_file(folder.file("gatekeeper.db-secret")).unwrap();
    let done = folder.run(["restore", "b.db", "--with-secret", "--json"]).success().json();
    assert!(done["kept"].is_null() && text(&done["secret"]).ends_with("gatekeeper.db-secret"));
    verify().success();
}

#[test]
fn an_invalid_backup_is_rejected_and_nothing_is_changed() {
    let folder = Folder::with_gatekeeper();
    folder.key();
    folder.run(["backup", "b.db"]).success();
    let before = fs::read(folder.file("b.db")).unwrap();
    folder.write("nonsense.db", "nonsense that is no database, for as long as a header of one has to be");
    fs::write(folder.file("half.db"), &before[..before.len() / 2]).unwrap();
    let newer = folder.file("newer.db");
    fs::copy(folder.file("b.db"), &newer).unwrap();
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 10_000).unwrap();
    for wrong in ["nonsense.db", "half.db", "newer.db"] {
        let output = folder.run(["restore", wrong, "--force"]).rejected();
        assert!(output.err.contains("not a complete backup"), "{wrong} {output:?}");
    }
    for (wrong, why) in [("none.db", "is not an existing file"), ("gatekeeper.db", "from itself")] {
        assert!(folder.run(["restore", wrong, "--force"]).rejected().err.contains(why), "{wrong}");
    }
    assert!(folder.run(["restore", "b.db", "--url", "memory:"]).rejected().err.contains("in memory"));
    assert_eq!(folder.json(["keys", "list"])["items"].as_array().unwrap().len(), 1);
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_str().unwrap().contains("partial")));
}

#[test]
fn a_different_secret_is_restored_only_if_no_program_uses_the_database() {
    let folder = Folder::with_gatekeeper();
    folder.run(["backup", "b.db", "--with-secret"]).success();
    folder.write("b.db-secret", "another secret, of at least sixteen bytes");
    let server = crate::serve::Server::start(&folder, &["--port", "0"], 1);
    let output = folder.run(["restore", "b.db", "--with-secret", "--force"]).rejected();
    assert!(output.err.contains("stop all of them"), "{output:?}");
    drop(server);
    folder.run(["restore", "b.db", "--with-secret", "--force"]).success();
    let secret = fs::read_to_string(folder.file("gatekeeper.db-secret")).unwrap();
    assert_eq!(secret, "another secret, of at least sixteen bytes");
}

#[test]
fn a_backup_includes_the_settings_and_restores_them_if_there_are_no_others() {
    let folder = Folder::with_gatekeeper();
    let settings = fs::read(folder.file("gatekeeper.toml")).unwrap();
    let done = folder.run(["backup", "b.db", "--json"]).success().json();
    assert_eq!(text(&done["config"]), "b.db-config.toml");
    assert_eq!(fs::read(folder.file("b.db-config.toml")).unwrap(), settings);
    folder.write("gatekeeper.toml", "issuer = \"another\"\n");
    let output = folder.run(["restore", "b.db", "--with-config", "--force"]).rejected();
    assert!(output.err.contains("other settings"), "{output:?}");
    fs::remove_file(folder.file("gatekeeper.toml")).unwrap();
    folder.run(["restore", "b.db", "--with-config", "--force"]).success();
    assert_eq!(fs::read(folder.file("gatekeeper.toml")).unwrap(), settings);
}
