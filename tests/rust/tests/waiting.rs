//! Calls that wait for a database that another connection keeps locked.

#![allow(clippy::disallowed_methods, reason = "the tests measure the duration of calls")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread::{ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoints, GatekeeperError, Result};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

const ENDPOINTS: &str = r#"{"GET": {"default": {"maxReq": 1000000, "duration": 3600000}}}"#;
/// The longest wait of a call, in seconds.
const PATIENCE: f64 = 5.0;

struct Database {
    _folder: TempDir,
    path: PathBuf,
    gatekeeper: Gatekeeper,
    verifier: Verifier,
    key: String,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatekeeper.db");
        let gatekeeper = Gatekeeper::open(path.to_str().unwrap()).unwrap();
        let verifier = gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap();
        let created = gatekeeper.call(CreateKey::new("user")).unwrap();
        let this =
            Self { _folder: folder, path, gatekeeper, verifier, key: created.api_key.expose().to_owned() };
        assert!(this.verify());
        this
    }

    /// Holds the write lock until it is dropped.
    fn locked(&self) -> Connection {
        let other = Connection::open(&self.path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    fn verify(&self) -> bool {
        self.verifier.verify::<&str>(&self.key, "GET", &[]).unwrap().ok()
    }

    fn write(&self) -> Result<()> {
        self.gatekeeper.call(CreateKey::new("user")).map(drop)
    }

    /// Records usage; simultaneous calls share one transaction.
    fn record(&self, tenant: &str) -> Result<()> {
        let request = json!({ "tenantId": tenant, "service": "s", "action": "a" });
        self.gatekeeper.call_json("usage.record", &request.to_string()).map(drop)
    }
}

/// The time to fork this process and to run a program that does nothing in the child.
fn fork() -> Duration {
    // With a uid to set, the program is started by fork(2) and not by posix_spawn(3).
    let user = fs::metadata("/proc/self").unwrap().uid();
    let before = Instant::now();
    let mut child = Command::new("true").uid(user).spawn().unwrap();
    let took = before.elapsed();
    assert!(child.wait().unwrap().success());
    took
}

fn ended(waiters: Vec<ScopedJoinHandle<'_, (f64, Result<()>)>>) -> Vec<(f64, Result<()>)> {
    waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect()
}

fn timed(call: impl FnOnce() -> Result<()>) -> (f64, Result<()>) {
    let arrived = Instant::now();
    let outcome = call();
    (arrived.elapsed().as_secs_f64(), outcome)
}

#[test]
fn waiting_writers_do_not_delay_a_fork_and_continue_after_it() {
    let database = Database::new();
    scope(|scope| {
        let locked = database.locked();
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| timed(|| database.write()))).collect();
        let mut forks: Vec<_> = (0..40)
            .map(|_| {
                assert!(database.verify());
                fork()
            })
            .collect();
        assert!(!waiters.iter().any(ScopedJoinHandle::is_finished), "they were to wait meanwhile");
        locked.execute_batch("ROLLBACK").unwrap();
        for (seconds, outcome) in ended(waiters) {
            outcome.unwrap_or_else(|error| panic!("after {seconds} s: {error}"));
        }
        forks.sort();
        let (median, longest) = (forks[forks.len() / 2], forks[forks.len() - 1]);
        println!("fork under four waiters: median {median:?}, longest {longest:?}");
        assert!(median < Duration::from_millis(100) && longest < Duration::from_secs(1), "{forks:?}");
    });
}

#[test]
fn a_fork_does_not_change_how_long_a_writer_may_wait() {
    let database = Database::new();
    scope(|scope| {
        let _locked = database.locked();
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| timed(|| database.write()))).collect();
        while !waiters.iter().any(ScopedJoinHandle::is_finished) {
            fork();
        }
        for (seconds, outcome) in ended(waiters) {
            assert_gave_up(seconds, &outcome);
        }
    });
}

#[test]
fn each_of_many_writers_fails_five_seconds_after_its_start() {
    let database = Database::new();
    let tenant = database.gatekeeper.create_root_key("Acme").unwrap().tenant_id.to_string();
    scope(|scope| {
        let _locked = database.locked();
        let write = || timed(|| database.write());
        let record = || timed(|| database.record(&tenant));
        let waiters = (0..8).flat_map(|_| [scope.spawn(write), scope.spawn(record)]).collect();
        // A call that needs no lock does not wait.
        for _ in 0..100 {
            let (seconds, _) = timed(|| {
                assert!(database.verify());
                Ok(())
            });
            assert!(seconds < 1.0, "{seconds}");
        }
        let outcomes = ended(waiters);
        let worst = outcomes.iter().fold(0.0, |worst: f64, (seconds, _)| worst.max(*seconds));
        println!("worst wait of sixteen writers behind a locked database: {worst:.2} s");
        for (seconds, outcome) in outcomes {
            assert_gave_up(seconds, &outcome);
        }
    });
}

#[test]
fn a_reader_that_opens_the_database_during_a_write_does_not_wait() {
    let database = Database::new();
    let create = || database.gatekeeper.call(CreateKey::new("user")).unwrap().api_key;
    for key in (0..20).map(|_| create()).collect::<Vec<_>>() {
        let locked = database.locked();
        // Both must open it again.
        fork();
        scope(|scope| {
            let writer = scope.spawn(|| database.write());
            let (seconds, _) = timed(|| {
                assert!(database.verifier.verify::<&str>(key.expose(), "GET", &[])?.ok());
                Ok(())
            });
            assert!(seconds < PATIENCE / 2.0, "{seconds}");
            locked.execute_batch("ROLLBACK").unwrap();
            writer.join().unwrap().unwrap();
        });
    }
}

fn assert_gave_up(seconds: f64, outcome: &Result<()>) {
    let error: &GatekeeperError = outcome.as_ref().unwrap_err();
    assert_eq!(error.status(), 503, "{error}");
    assert!(error.message().contains("has been locked for 5 s"), "{error}");
    assert!((PATIENCE - 0.5..PATIENCE + 2.0).contains(&seconds), "after {seconds} s");
}
