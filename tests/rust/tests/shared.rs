//! Several processes that count on one file.

use std::fs::{self, Permissions};
use std::io::{BufRead, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::internal::Started;
use gatekeeper::key_manager::{CreateKey, DeleteKey, RotateKey};
use gatekeeper::keys::{ForeignKey, ImportApiKeys, RevokeApiKey};
use gatekeeper::{Endpoints, Secret, Verdict, VerifyOptions};
use gatekeeper_tests::Worker;
use tempfile::TempDir;

const ENDPOINTS: &str = r#"{
    "TWO": {"default": {"maxReq": 2, "duration": 3600000}},
    "MANY": {"default": {"maxReq": 4000000000, "duration": 3600000}}
}"#;

/// A folder with a database, and this process's client for it.
struct Fixture {
    _folder: TempDir,
    database: PathBuf,
    gatekeeper: Gatekeeper,
    verifier: Verifier,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("gatekeeper.db");
        let gatekeeper = Gatekeeper::open(database.to_str().unwrap()).unwrap();
        let verifier = gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap();
        Self { _folder: folder, database, gatekeeper, verifier }
    }

    fn shared(&self) -> PathBuf {
        self.database.with_file_name("gatekeeper.db-shared")
    }

    fn create(&self) -> gatekeeper::key_manager::CreatedKey {
        self.gatekeeper.call(CreateKey::new("user")).unwrap()
    }

    fn verify(&self, key: &str, endpoint: &str) -> Verdict {
        self.verifier.verify::<&str>(key, endpoint, &[]).unwrap()
    }

    fn needs_no_io(&self, key: &str) -> bool {
        let started = self.verifier.start::<&str>(key, "MANY", &[], &VerifyOptions::default());
        matches!(started, Ok(Started::Done(_)))
    }
}

fn start(database: &Path) -> Worker {
    Worker::start(&mut Command::new(env!("CARGO_BIN_EXE_console")), database, ENDPOINTS)
}

#[test]
fn two_processes_share_one_window() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    let mut worker = start(&fixture.database);
    let order = format!("verify {} TWO", key.expose());
    assert!(fixture.verify(key.expose(), "TWO").ok());
    assert_eq!(worker.ask(&order), "admitted");
    assert!(matches!(fixture.verify(key.expose(), "TWO"), Verdict::RateLimited(_)));
    assert_eq!(worker.ask(&order), "limited");
    // A third process does not start with an empty window, nor does this one when it opens the file again.
    assert_eq!(start(&fixture.database).ask(&order), "limited");
}

#[test]
fn a_window_outlives_every_process_that_counted_in_it() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    let order = format!("verify {} TWO", key.expose());
    for expected in ["admitted", "admitted", "limited"] {
        let mut worker = start(&fixture.database);
        assert_eq!(worker.ask(&order), expected);
    }
}

#[test]
fn a_truncated_side_file_kills_no_process_that_opens_it() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    let order = format!("verify {} TWO", key.expose());
    let shared = fixture.shared();
    // This process must not have the file open.
    let Fixture { _folder, database, gatekeeper, verifier } = fixture;
    drop((gatekeeper, verifier));
    let sizes = [0, 1, 100, 4096, 8192, 12_288, 1 << 20, (4 << 20) - 4096];
    let files = |shared: &Path| -> Vec<PathBuf> {
        fs::read_dir(shared).unwrap().map(|descriptor| descriptor.unwrap().path()).collect()
    };
    start(&database).ask(&order);
    for number in 0..files(&shared).len() {
        for size in sizes {
            let mut all = files(&shared);
            all.sort();
            let Some(file) = all.get(number) else { continue };
            let file = fs::OpenOptions::new().write(true).open(file).unwrap();
            if file.metadata().unwrap().len() <= size {
                continue;
            }
            file.set_len(size).unwrap();
            drop(file);
            let answer = start(&database).ask(&order);
            assert!(["admitted", "limited"].contains(&answer.as_str()), "{all:?} {number} {size}: {answer}");
        }
    }
}

#[test]
fn a_process_killed_at_any_instant_loses_no_counted_request() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    let order = format!("hammer {} MANY", key.expose());
    let rounds: u64 = std::env::var("GATEKEEPER_KILLS").map_or(40, |rounds| rounds.parse().unwrap());
    let mut survivor = start(&fixture.database);
    survivor.order(&order);
    let survived = survivor.count();
    let (mut acknowledged, mut own) = (0, 0);
    let mut random = 0x9e37_79b9_u64;
    for round in 0..rounds {
        let mut victim = start(&fixture.database);
        victim.order(&order);
        if round % 2 == 0 {
            // While it counts; without the wait, perhaps while it opens the file.
            let mut first = [0];
            victim.answers.as_mut().unwrap().read_exact(&mut first).unwrap();
            acknowledged += 1;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        sleep(Duration::from_micros(random % 10_000));
        let counted = victim.count();
        drop(victim);
        acknowledged += counted.join().unwrap();

        own += 1;
        let Verdict::Admitted(decision) = fixture.verify(key.expose(), "MANY") else {
            panic!("round {round}")
        };
        let taken = u64::from(decision.total() - decision.remaining());
        assert!(taken >= acknowledged + own, "round {round}: {taken} of {acknowledged} + {own} are left");
    }
    assert!(survivor.process.try_wait().unwrap().is_none(), "a process that was not killed has died");
    drop(survivor);
    acknowledged += survived.join().unwrap();
    let Verdict::Admitted(decision) = fixture.verify(key.expose(), "MANY") else { panic!("denied") };
    let taken = u64::from(decision.total() - decision.remaining());
    let killed = rounds + 1;
    let least = acknowledged + own + 1;
    assert!((least..=least + killed).contains(&taken), "{taken}: not {least}, and at most {killed} more");
}

#[test]
fn a_file_that_one_process_has_grown_is_complete_after_another_has_opened_it() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    let acquire = |turn: u32| fixture.verifier.verify(key.expose(), "TWO", &[turn.to_string()]).unwrap().ok();
    // Beyond the initial size of the file, and beyond the next one.
    for turn in 0..120_000 {
        assert!(acquire(turn));
        if turn % 20_000 == 0 {
            assert_eq!(start(&fixture.database).ask(&format!("verify {} MANY", key.expose())), "admitted");
        }
    }
    for turn in 0..120_000 {
        assert!(acquire(turn), "a slot was counted twice");
        assert!(!acquire(turn), "a slot was forgotten");
    }
}

#[test]
fn a_removed_folder_is_noticed_and_the_processes_count_together_again() {
    let fixture = Fixture::new();
    let created = fixture.create();
    let key = created.api_key.expose();
    let mut worker = start(&fixture.database);
    let order = format!("verify {key} TWO");
    assert!(fixture.verify(key, "TWO").ok());
    assert_eq!(worker.ask(&order), "admitted");
    assert_eq!(worker.ask(&order), "limited");
    fs::remove_dir_all(fixture.shared()).unwrap();
    // A process that counts checks once in a millisecond.
    sleep(Duration::from_millis(2));
    assert_eq!(worker.ask(&order), "admitted");
    assert!(fixture.verify(key, "TWO").ok());
    assert_eq!(worker.ask(&order), "limited");
    assert!(!fixture.verify(key, "TWO").ok());

    fs::remove_dir_all(fixture.shared()).unwrap();
    fixture.gatekeeper.call(RotateKey { id: created.id.into() }).unwrap();
    assert_eq!(worker.ask(&order), "invalid");
}

#[test]
fn a_removed_counters_file_is_created_again_by_the_next_process() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    assert!(fixture.verify(key.expose(), "TWO").ok());
    for descriptor in fs::read_dir(fixture.shared()).unwrap() {
        let path = descriptor.unwrap().path();
        if !path.ends_with("words") {
            fs::remove_file(path).unwrap();
        }
    }
    // A new process creates the missing file; a process with the old one open notices the new one.
    let mut worker = start(&fixture.database);
    let order = format!("verify {} TWO", key.expose());
    assert_eq!(worker.ask(&order), "admitted");
    assert!(fixture.verify(key.expose(), "TWO").ok());
    assert_eq!(worker.ask(&order), "limited");
    assert!(!fixture.verify(key.expose(), "TWO").ok());
}

/// Marks the file of the version counters as one of another boot.
fn reboot(fixture: &Fixture) {
    let words = fixture.shared().join("words");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mut bytes = fs::read(&words).unwrap();
    let at = bytes.windows(36).position(|part| part == boot.trim().as_bytes()).unwrap();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    // The same file is overwritten, as a reboot would leave it.
    fs::OpenOptions::new().write(true).open(words).unwrap().write_all(&bytes).unwrap();
}

#[test]
fn a_reboot_empties_the_windows_and_revoked_keys_stay_revoked() {
    let fixture = Fixture::new();
    let (created, gone) = (fixture.create(), fixture.create());
    let mut worker = start(&fixture.database);
    let order = format!("verify {} TWO", created.api_key.expose());
    assert_eq!(
        [worker.ask(&order), worker.ask(&order), worker.ask(&order)],
        ["admitted", "admitted", "limited"]
    );
    drop(worker);
    fixture.gatekeeper.call(DeleteKey { id: gone.id.into() }).unwrap();
    reboot(&fixture);
    // This process has the folder open as one of this boot; a real reboot would have ended it.
    let mut late = start(&fixture.database);
    let rejected = late.ask(&order);
    assert!(
        rejected.starts_with("service_unavailable") && rejected.contains("gatekeeper.db-shared"),
        "{rejected}"
    );
    let Fixture { _folder, gatekeeper, verifier, .. } = fixture;
    drop((gatekeeper, verifier));
    assert_eq!([late.ask(&order), late.ask(&order), late.ask(&order)], ["admitted", "admitted", "limited"]);
    assert_eq!(late.ask(&format!("verify {} TWO", gone.api_key.expose())), "invalid");
}

#[test]
fn keys_that_other_processes_create_evict_nothing_from_this_cache() {
    let fixture = Fixture::new();
    let created = fixture.create();
    let key = created.api_key.expose();
    assert!(fixture.verify(key, "MANY").ok());
    let mut worker = start(&fixture.database);
    for _ in 0..300 {
        let answer = worker.ask("create");
        let (_, other) = answer.split_once(' ').unwrap();
        // The new key is valid at once, and no cached key has to be read again.
        assert!(fixture.verify(other, "MANY").ok());
        assert!(fixture.needs_no_io(key));
    }
    fixture.gatekeeper.call(RotateKey { id: created.id.into() }).unwrap();
    assert!(!fixture.needs_no_io(key));
    assert_eq!(worker.ask(&format!("verify {key} MANY")), "invalid");
}

#[test]
fn an_unknown_key_that_is_created_is_valid_at_once() {
    let fixture = Fixture::new();
    let mut worker = start(&fixture.database);
    for _ in 0..50 {
        let rotated = fixture.create();
        let order = |key: &str| format!("verify {key} MANY");
        assert_eq!(worker.ask(&order(rotated.api_key.expose())), "admitted");
        let new = fixture.gatekeeper.call(RotateKey { id: rotated.id.into() }).unwrap();
        assert_eq!(worker.ask(&order(rotated.api_key.expose())), "invalid");
        assert_eq!(worker.ask(&order(new.apikey.expose())), "admitted");
        fixture.gatekeeper.call(DeleteKey { id: rotated.id.into() }).unwrap();
        assert_eq!(worker.ask(&order(new.apikey.expose())), "invalid");
    }
}

#[test]
fn processes_that_create_the_files_at_once_make_one_segment() {
    for _ in 0..20 {
        let fixture = Fixture::new();
        let key = fixture.create().api_key;
        fs::remove_dir_all(fixture.shared()).unwrap();
        let mut workers: Vec<_> = (0..6).map(|_| start(&fixture.database)).collect();
        for worker in &mut workers {
            worker.order(&format!("verify {} TWO", key.expose()));
        }
        let mut admitted = 0;
        for worker in &mut workers {
            let mut answer = String::new();
            worker.answers.as_mut().unwrap().read_line(&mut answer).unwrap();
            admitted += usize::from(answer == "admitted\n");
            assert!(["admitted\n", "limited\n"].contains(&&*answer), "{answer}");
        }
        assert_eq!(admitted, 2);
    }
}

#[test]
fn the_error_of_a_folder_without_write_permission_says_what_to_do() {
    let fixture = Fixture::new();
    let key = fixture.create().api_key;
    let home = fixture.database.parent().unwrap();
    fs::remove_dir_all(fixture.shared()).unwrap();
    fs::create_dir(fixture.shared()).unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    allow(&fixture.shared(), 0o500);
    let program = home.join("console");
    fs::copy(env!("CARGO_BIN_EXE_console"), &program).unwrap();
    // Root may write anywhere, so another user runs the test.
    let is_root = fs::metadata(home).unwrap().uid() == 0;
    let mut command = Command::new(&program);
    if is_root {
        allow(home, 0o777);
        for descriptor in
            fs::read_dir(home).unwrap().map(Result::unwrap).filter(|descriptor| descriptor.path().is_file())
        {
            allow(&descriptor.path(), 0o777);
        }
        command.uid(65534);
    }
    let mut worker = Worker::start(&mut command, &fixture.database, ENDPOINTS);
    let rejected = worker.ask(&format!("verify {} TWO", key.expose()));
    assert!(
        rejected.starts_with("service_unavailable") && rejected.contains("cannot be written"),
        "{rejected}"
    );
    assert!(rejected.contains("gatekeeper.db-shared"), "{rejected}");
    allow(&fixture.shared(), 0o777);
    assert_eq!(worker.ask(&format!("verify {} TWO", key.expose())), "admitted");
}

#[test]
fn an_imported_key_is_valid_at_once_in_a_process_that_has_rejected_it() {
    let fixture = Fixture::new();
    let mut worker = start(&fixture.database);
    // The tenant `default`, whose keys a verifier accepts.
    let tenant_id = "tnt_00000000000000000000000000".parse().unwrap();
    // SHA-256 of "legacy-key-1", and of "legacy-key-3-pepper".
    let keys = [
        ("legacy-key-1", "37f7723d547baf5b562970b8183c183f462e14bb79bf913ccb8323c9c90f5212", ""),
        ("legacy-key-3", "9c7224ea9da8f9eb77188c9576b9b65c45e8e8d9398c9bb7b2363d192b0a5b82", "-pepper"),
    ];
    for (key, digest, suffix) in keys {
        let order = format!("verify {key} MANY");
        assert_eq!(worker.ask(&order), "invalid");
        let key = ForeignKey { suffix: Some(suffix.to_owned()), ..ForeignKey::new(Secret::new(digest)) };
        let imported = fixture.gatekeeper.call(ImportApiKeys { tenant_id, keys: vec![key] }).unwrap();
        assert_eq!(worker.ask(&order), "admitted");
        fixture.gatekeeper.call(RevokeApiKey::new(imported.api_keys[0].id)).unwrap();
        assert_eq!(worker.ask(&order), "invalid");
    }
}
