//! A database file that is restored, replaced, removed or renamed while processes use it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use gatekeeper::blocking::Backup;
use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::{CreateKey, CreatedKey, DeleteKey};
use gatekeeper::keys::{ForeignKey, ImportApiKeys};
use gatekeeper::{Endpoints, Secret};
use gatekeeper_tests::{Worker, call};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

const ENDPOINTS: &str = r#"{"GET": {"default": {"maxReq": 1000000, "duration": 3600000}}}"#;
const TENANT: &str = "tnt_00000000000000000000000000";

/// A folder with a database, and this process's client for it.
struct Database {
    folder: TempDir,
    path: PathBuf,
    gatekeeper: Gatekeeper,
    verifier: Verifier,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatekeeper.db");
        let gatekeeper = Gatekeeper::open(path.to_str().unwrap()).unwrap();
        let verifier = gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap();
        Self { folder, path, gatekeeper, verifier }
    }

    fn create(&self) -> CreatedKey {
        self.gatekeeper.call(CreateKey::new("user")).unwrap()
    }

    fn is_valid(&self, key: &str) -> bool {
        self.verifier.verify::<&str>(key, "GET", &[]).unwrap().key_valid()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn back_up(&self, name: &str) -> PathBuf {
        let to = self.file(name);
        let backup = Backup { to: &to, replace: false, with_secret: false };
        self.gatekeeper.backup(&backup, &mut |_, _| ()).unwrap();
        to
    }

    fn worker(&self) -> Worker {
        Worker::start(&mut Command::new(env!("CARGO_BIN_EXE_console")), &self.path, ENDPOINTS)
    }
}

fn verify(key: &str) -> String {
    format!("verify {key} GET")
}

/// Copies `backup` into the database while it is in use, as `.restore` of sqlite3 does.
fn restore_online(backup: &Path, database: &Path) {
    let from = Connection::open(backup).unwrap();
    let mut to = Connection::open(database).unwrap();
    let copying = rusqlite::backup::Backup::new(&from, &mut to).unwrap();
    copying.run_to_completion(1000, Duration::from_millis(1), None).unwrap();
}

/// Waits until every process must have noticed a replaced file.
fn let_all_look() {
    sleep(Duration::from_millis(101));
}

/// The ways in which a backup replaces the database.
const RESTORE: [fn(&Path, &Path); 2] =
    [restore_online, |backup, database| fs::rename(backup, database).unwrap()];

#[test]
fn keys_that_a_restored_database_does_not_have_are_invalid_in_every_process() {
    for restore in RESTORE {
        let database = Database::new();
        let mut worker = database.worker();
        let before = database.create();
        let backup = database.back_up("backup.db");
        let after: Vec<_> = (0..3).map(|_| database.create()).collect();
        for key in after.iter().chain([&before]) {
            assert!(database.is_valid(key.api_key.expose()));
            assert_eq!(worker.ask(&verify(key.api_key.expose())), "admitted");
        }
        restore(&backup, &database.path);
        let_all_look();
        let mut started_later = database.worker();
        for key in &after {
            let key = key.api_key.expose();
            assert!(!database.is_valid(key));
            assert_eq!(worker.ask(&verify(key)), "invalid");
            assert_eq!(started_later.ask(&verify(key)), "invalid");
        }
        assert!(database.is_valid(before.api_key.expose()));
        assert_eq!(worker.ask(&verify(before.api_key.expose())), "admitted");
    }
}

#[test]
fn a_deleted_key_that_a_restored_database_has_is_valid_in_every_process() {
    for restore in RESTORE {
        let database = Database::new();
        let mut worker = database.worker();
        let created = database.create();
        let key = created.api_key.expose();
        let backup = database.back_up("backup.db");
        database.gatekeeper.call(DeleteKey { id: created.id.into() }).unwrap();
        assert!(!database.is_valid(key));
        assert_eq!(worker.ask(&verify(key)), "invalid");
        restore(&backup, &database.path);
        let_all_look();
        assert_eq!(worker.ask(&verify(key)), "admitted");
        assert!(database.is_valid(key));
        // Freshness is as before: once the key is deleted again, no process accepts it.
        database.gatekeeper.call(DeleteKey { id: created.id.into() }).unwrap();
        assert_eq!(worker.ask(&verify(key)), "invalid");
        assert!(!database.is_valid(key));
    }
}

#[test]
fn root_keys_and_imported_keys_are_those_of_the_restored_database() {
    for restore in RESTORE {
        let database = Database::new();
        let key = database.create();
        let backup = database.back_up("backup.db");
        let root = database.gatekeeper.create_root_key("Acme").unwrap();
        let acme = database.gatekeeper.with_root_key(&root.key);
        acme.check_credential().unwrap();
        // SHA-256 of "legacy-key-1".
        let digest = Secret::new("37f7723d547baf5b562970b8183c183f462e14bb79bf913ccb8323c9c90f5212");
        let import =
            ImportApiKeys { tenant_id: TENANT.parse().unwrap(), keys: vec![ForeignKey::new(digest)] };
        database.gatekeeper.call(import).unwrap();
        assert!(database.is_valid("legacy-key-1"));
        restore(&backup, &database.path);
        let_all_look();
        assert!(!database.is_valid("legacy-key-1"));
        assert_eq!(acme.check_credential().unwrap_err().status(), 401);
        assert!(database.is_valid(key.api_key.expose()));
    }
}

#[test]
fn a_restored_database_is_noticed_where_the_shared_folder_was_removed_too() {
    let database = Database::new();
    let mut worker = database.worker();
    database.create();
    let backup = database.back_up("backup.db");
    let created = database.create();
    let key = created.api_key.expose();
    assert!(database.is_valid(key));
    assert_eq!(worker.ask(&verify(key)), "admitted");
    restore_online(&backup, &database.path);
    fs::remove_dir_all(database.file("gatekeeper.db-shared")).unwrap();
    let_all_look();
    assert_eq!(worker.ask(&verify(key)), "invalid");
    assert!(!database.is_valid(key));
}

#[test]
fn a_copy_that_lived_elsewhere_and_comes_back_is_noticed_whatever_its_change_number() {
    let database = Database::new();
    let mut worker = database.worker();
    let revoked = database.create();
    let key = revoked.api_key.expose();
    let copy = database.back_up("copy.db");
    assert!(database.is_valid(key));
    assert_eq!(worker.ask(&verify(key)), "admitted");
    {
        // The copy has more changes than this database, and the key is deleted there.
        let elsewhere = Gatekeeper::open(copy.to_str().unwrap()).unwrap();
        elsewhere.call(DeleteKey { id: revoked.id.into() }).unwrap();
        for _ in 0..20 {
            elsewhere.call(CreateKey::new("user")).unwrap();
        }
    }
    restore_online(&copy, &database.path);
    let_all_look();
    assert_eq!(worker.ask(&verify(key)), "invalid");
    assert!(!database.is_valid(key));
}

#[test]
fn a_write_right_after_a_restore_leaves_nothing_stale() {
    let database = Database::new();
    database.create();
    let backup = database.back_up("backup.db");
    let created = database.create();
    assert!(database.is_valid(created.api_key.expose()));
    restore_online(&backup, &database.path);
    // The same number of changes as was undone, before any process has noticed.
    let new = database.create();
    assert!(!database.is_valid(created.api_key.expose()));
    assert!(database.is_valid(new.api_key.expose()));
}

#[test]
fn a_removed_database_admits_no_request_and_is_not_created_again() {
    let database = Database::new();
    let created = database.create();
    let key = created.api_key.expose();
    let mut worker = database.worker();
    assert_eq!(worker.ask(&verify(key)), "admitted");
    let backup = database.back_up("backup.db");
    fs::remove_file(&database.path).unwrap();
    let_all_look();
    for order in [verify(key), verify("user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ"), format!("record {TENANT}")]
    {
        let answer = worker.ask(&order);
        assert!(answer.starts_with("service_unavailable") && answer.contains("put it back"), "{answer}");
    }
    assert!(worker.ask("create").starts_with("service_unavailable"));
    assert!(!database.path.exists());
    fs::rename(backup, &database.path).unwrap();
    assert_eq!(worker.ask(&verify(key)), "admitted");
    assert_eq!(worker.ask(&format!("record {TENANT}")), "recorded");
}

#[test]
fn a_database_that_is_emptied_is_not_filled_again() {
    let database = Database::new();
    let created = database.create();
    let mut worker = database.worker();
    assert_eq!(worker.ask(&verify(created.api_key.expose())), "admitted");
    fs::remove_file(&database.path).unwrap();
    fs::write(&database.path, "").unwrap();
    let_all_look();
    assert!(worker.ask(&verify(created.api_key.expose())).starts_with("service_unavailable"));
    assert_eq!(fs::metadata(&database.path).unwrap().len(), 0);
}

fn events_in(path: &Path) -> u64 {
    let open = Connection::open(path).unwrap();
    let check: String = open.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok", "{}", path.display());
    open.query_row("SELECT count(*) FROM usage_events", [], |row| row.get::<_, i64>(0))
        .unwrap()
        .unsigned_abs()
}

#[test]
fn no_acknowledged_event_is_lost_while_the_file_is_renamed_and_replaced() {
    let database = Database::new();
    database.create();
    let empty = database.back_up("empty.db");
    let mut worker = database.worker();
    let mut recorded = 0;
    let mut files = vec![database.path.clone()];
    for round in 0..8 {
        for _ in 0..25 {
            recorded += u64::from(worker.ask(&format!("record {TENANT}")) == "recorded");
        }
        let moved = database.file(&format!("moved-{round}.db"));
        fs::rename(&database.path, &moved).unwrap();
        files.push(moved);
        if round % 2 == 0 {
            let answer = worker.ask(&format!("record {TENANT}"));
            assert!(answer.starts_with("service_unavailable"), "{answer}");
        }
        let next = database.file("next.db");
        fs::copy(&empty, &next).unwrap();
        fs::rename(&next, &database.path).unwrap();
        assert_eq!(worker.ask(&format!("record {TENANT}")), "recorded");
        recorded += 1;
    }
    drop(worker);
    assert_eq!(recorded, 8 * 26);
    assert_eq!(files.iter().map(|file| events_in(file)).sum::<u64>(), recorded);
}

#[test]
fn the_wal_of_a_killed_process_is_not_read_for_a_file_that_replaces_its_database() {
    let database = Database::new();
    let created = database.create();
    let backup = database.back_up("backup.db");
    let Database { folder, path, gatekeeper, verifier } = database;
    drop((gatekeeper, verifier));
    let mut worker = Worker::start(&mut Command::new(env!("CARGO_BIN_EXE_console")), &path, ENDPOINTS);
    assert_eq!(worker.ask(&verify(created.api_key.expose())), "admitted");
    let later = worker.ask("create");
    let (_, later) = later.split_once(' ').unwrap();
    for _ in 0..50 {
        assert_eq!(worker.ask(&format!("record {TENANT}")), "recorded");
    }
    // The process was killed, so its WAL stays.
    drop(worker);
    assert!(fs::metadata(folder.path().join("gatekeeper.db-wal")).unwrap().len() > 0);
    fs::rename(backup, &path).unwrap();
    let mut next = Worker::start(&mut Command::new(env!("CARGO_BIN_EXE_console")), &path, ENDPOINTS);
    assert_eq!(next.ask(&verify(later)), "invalid");
    assert_eq!(next.ask(&verify(created.api_key.expose())), "admitted");
    drop(next);
    assert_eq!(events_in(&path), 0);
}

#[test]
fn a_key_revoked_in_the_new_file_is_rejected_by_a_process_that_had_the_old_one_open() {
    let database = Database::new();
    let created = database.create();
    let key = created.api_key.expose();
    let mut old = database.worker();
    assert_eq!(old.ask(&verify(key)), "admitted");
    let backup = database.back_up("backup.db");
    {
        let elsewhere = Gatekeeper::open(backup.to_str().unwrap()).unwrap();
        call(&elsewhere, "keyManager.deleteKey", &json!({ "id": created.id })).unwrap();
    }
    fs::rename(backup, &database.path).unwrap();
    let_all_look();
    assert_eq!(old.ask(&verify(key)), "invalid");
    assert!(!database.is_valid(key));
}

#[test]
fn a_removed_wal_is_noticed_and_later_changes_are_kept() {
    let database = Database::new();
    let created = database.create();
    let mut worker = database.worker();
    assert_eq!(worker.ask(&verify(created.api_key.expose())), "admitted");
    let Database { folder: _folder, path, gatekeeper, verifier } = database;
    drop((gatekeeper, verifier));
    let checkpoint = Connection::open(&path).unwrap();
    checkpoint.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    drop(checkpoint);
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(path.with_file_name(format!("gatekeeper.db{suffix}"))).unwrap();
    }
    let_all_look();
    for _ in 0..10 {
        assert_eq!(worker.ask(&format!("record {TENANT}")), "recorded");
    }
    drop(worker);
    assert_eq!(events_in(&path), 10);
}

#[test]
fn a_database_with_a_second_name_is_rejected_with_advice() {
    let database = Database::new();
    database.create();
    let link = database.file("link.db");
    fs::hard_link(&database.path, &link).unwrap();
    for path in [&link, &database.path] {
        let mut worker = Worker::start(&mut Command::new(env!("CARGO_BIN_EXE_console")), path, ENDPOINTS);
        let answer = worker.ask("create");
        assert!(answer.starts_with("service_unavailable") && answer.contains("hard link"), "{answer}");
    }
    fs::remove_file(&link).unwrap();
    assert!(database.worker().ask("create").starts_with("key_"));
    std::os::unix::fs::symlink(&database.path, &link).unwrap();
    let mut through_link = Worker::start(&mut Command::new(env!("CARGO_BIN_EXE_console")), &link, ENDPOINTS);
    assert!(through_link.ask("create").starts_with("key_"));
}

#[test]
fn a_database_that_is_mounted_as_a_single_file_is_rejected_with_advice() {
    let database = Database::new();
    database.create();
    let mounted = database.file("container").join("gatekeeper.db");
    fs::create_dir(mounted.parent().unwrap()).unwrap();
    fs::write(&mounted, "").unwrap();
    // In a new mount namespace; a user who is not root needs a user namespace for that.
    let is_root = rustix::process::geteuid().is_root();
    let script = r#"mount --bind "$1" "$2" && exec "$3" "$2" "$4""#;
    let mut unshare = Command::new("unshare");
    unshare.args(if is_root { &["--mount"][..] } else { &["--mount", "--map-root-user"][..] });
    unshare.args(["sh", "-ec", script, "sh"]).args([&database.path, &mounted]);
    unshare.args([env!("CARGO_BIN_EXE_console"), ENDPOINTS]);
    unshare.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = unshare.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"create\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(
        answer.starts_with("service_unavailable") && answer.contains("mount its folder"),
        "{answer} {:?}",
        output.status
    );
}
