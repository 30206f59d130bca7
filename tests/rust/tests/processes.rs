//! One file, several processes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use gatekeeper::Endpoints;
use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;

const ENDPOINTS: &str = r#"{"GET": {"default": {"maxReq": 1000000, "duration": 60000}}}"#;

fn churn(database: &Path) -> Child {
    let mut child = waiting_churn(database);
    drop(child.stdin.take());
    child
}

/// A child that starts when its standard input is dropped.
fn waiting_churn(database: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_churn"));
    command.arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn verifier(gatekeeper: &Gatekeeper) -> Verifier {
    gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap()
}

fn accepts(verifier: &Verifier, key: &str) -> bool {
    verifier.verify::<&str>(key, "GET", &[]).unwrap().ok()
}

/// The last state of each key that the killed process reported, without the last line, which may be incomplete, and
/// without the last key, which may have changed without a report.
fn acknowledged(child: Child) -> HashMap<String, bool> {
    let mut lines: Vec<_> = BufReader::new(child.stdout.unwrap()).lines().map_while(Result::ok).collect();
    lines.pop();
    let reported = lines.iter().filter_map(|line| line.split_once(' '));
    let mut state: HashMap<_, _> = reported.map(|(state, key)| (key.to_owned(), state == "valid")).collect();
    state.retain(|_, live| !*live);
    state
}

#[test]
fn a_killed_process_loses_no_acknowledged_change_and_leaves_a_consistent_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let gatekeeper = Gatekeeper::open(database.to_str().unwrap()).unwrap();
    let verifier = verifier(&gatekeeper);
    let mut own = Vec::new();
    let rounds = std::env::var("GATEKEEPER_KILLS").map_or(20, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let mut children = [churn(&database), churn(&database)];
        // This process writes at the same time, and kills the others at a different moment in each round.
        sleep(Duration::from_millis(30));
        own.push(gatekeeper.call(CreateKey::new("own")).unwrap().api_key);
        sleep(Duration::from_millis(round * 7 % 50));
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for (key, _) in children.into_iter().flat_map(acknowledged) {
            assert!(!accepts(&verifier, &key), "a key that was rotated or deleted lives on");
        }
        for key in &own {
            assert!(accepts(&verifier, key.expose()), "a record is lost");
        }
    }
    let checked = rusqlite::Connection::open(&database).unwrap();
    let verdict: String = checked.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[test]
fn a_key_is_valid_or_rejected_in_another_process_as_soon_as_the_change_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let verifier = verifier(&Gatekeeper::open(database.to_str().unwrap()).unwrap());
    let mut child = churn(&database);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut revoked = 0;
    while revoked < 500 {
        let line = lines.next().unwrap().unwrap();
        let (state, key) = line.split_once(' ').unwrap();
        // A valid key may have been rotated since; an invalid one stays invalid. Verifying also fills this cache.
        let accepted = accepts(&verifier, key);
        if state == "invalid" {
            assert!(!accepted, "a key that was rotated or deleted lives on");
            revoked += 1;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn many_processes_can_make_one_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..30 {
        let database = folder.path().join(format!("{round}.db"));
        let mut children: Vec<_> = (0..6).map(|_| waiting_churn(&database)).collect();
        // All of them are started and about to open the file.
        for child in &mut children {
            drop(child.stdin.take());
        }
        for child in &mut children {
            let mut first = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
            assert!(first.starts_with("valid "), "a process could not open the file: {first:?}");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
