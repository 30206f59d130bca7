//! The asynchronous client on a database: it never blocks the thread that polls it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoints, Gatekeeper, Verdict};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, interval, timeout};

const ENDPOINTS: &str = r#"{"GET": {"default": {"maxReq": 1000000, "duration": 3600000}}}"#;
/// How long another program keeps the database locked.
const SLOW: Duration = Duration::from_millis(800);

fn database() -> (TempDir, PathBuf, Gatekeeper) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let gatekeeper = Gatekeeper::open(path.to_str().unwrap()).unwrap();
    (folder, path, gatekeeper)
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Locks the database against other writers for a while, from now on.
fn lock_for_a_while(path: &PathBuf) -> thread::JoinHandle<()> {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::spawn(move || {
        thread::sleep(SLOW);
        other.execute_batch("ROLLBACK").unwrap();
    })
}

#[test]
fn a_timer_of_the_same_thread_goes_on_ticking_while_a_call_waits_for_the_disk() {
    let (_folder, path, gatekeeper) = database();
    one_thread().block_on(async {
        gatekeeper.call(CreateKey::new("user")).await.unwrap();
        let ticks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&ticks);
        let timer = tokio::spawn(async move {
            let mut timer = interval(Duration::from_millis(10));
            loop {
                timer.tick().await;
                counted.fetch_add(1, Relaxed);
            }
        });
        let lock = lock_for_a_while(&path);
        let (began, before) = (Instant::now(), ticks.load(Relaxed));
        gatekeeper.call(CreateKey::new("user")).await.unwrap();
        assert!(began.elapsed() >= SLOW / 2, "the call has not waited for the lock");
        // About 80 on a quiet machine; a blocked executor would count one.
        let counted = ticks.load(Relaxed) - before;
        assert!(counted >= 5, "{counted} ticks");
        timer.abort();
        lock.join().unwrap();
    });
}

#[test]
fn a_key_that_is_not_cached_is_verified_and_one_that_is_cached_needs_no_thread() {
    let (_folder, path, gatekeeper) = database();
    let verifier = gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap();
    one_thread().block_on(async {
        let key = gatekeeper.call(CreateKey::new("user")).await.unwrap().api_key;
        let first = verifier.verify::<&str>(key.expose(), "GET", &[]).await.unwrap();
        assert!(matches!(first, Verdict::Admitted(_)));
        let lock = lock_for_a_while(&path);
        // A verdict that needs no I/O is ready at the first poll.
        let polled = timeout(Duration::ZERO, verifier.verify::<&str>(key.expose(), "GET", &[]));
        assert!(polled.await.unwrap().unwrap().ok());
        let validated = timeout(Duration::ZERO, gatekeeper.validate(key.expose())).await.unwrap();
        assert_eq!(validated.unwrap().tenant_id(), gatekeeper::blocking::Gatekeeper::DEFAULT_TENANT);
        lock.join().unwrap();
    });
}

#[test]
fn a_call_that_has_not_begun_is_not_run_after_its_future_is_dropped() {
    let (_folder, path, gatekeeper) = database();
    one_thread().block_on(async {
        let tenants = async || {
            let list = gatekeeper.call_json("tenants.list", r#"{"limit": 100}"#).await.unwrap();
            serde_json::from_str::<serde_json::Value>(&list).unwrap()["items"].as_array().unwrap().len()
        };
        let before = tenants().await;
        let lock = lock_for_a_while(&path);
        // All threads wait for the lock; the calls after them wait for a thread.
        let mut calls: Vec<_> = (0..40).map(|_| Box::pin(gatekeeper.create_root_key("Acme Inc"))).collect();
        for call in &mut calls {
            assert!(timeout(Duration::from_millis(1), call).await.is_err());
        }
        drop(calls);
        lock.join().unwrap();
        // The list is asked for after all work that has begun.
        let begun = loop {
            let (first, second) = (tenants().await, tenants().await);
            if first == second && first > before {
                break first - before;
            }
        };
        assert!(begun <= 32, "{begun} of 40 were run");
    });
}

#[test]
fn the_client_needs_no_runtime_and_serves_several() {
    let (_folder, _, gatekeeper) = database();
    pollster::block_on(gatekeeper.call(CreateKey::new("user"))).unwrap();
    for _ in 0..2 {
        one_thread().block_on(async { gatekeeper.call(CreateKey::new("user")).await.unwrap() });
    }
    assert!(pollster::block_on(gatekeeper.jwks()).unwrap()["keys"].is_array());
    pollster::block_on(gatekeeper.check_ready()).unwrap();
}
