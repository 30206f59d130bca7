//! Guessing passwords: of many accounts, through every call that has a password, and in parallel.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Clock, GatekeeperError, ManualClock, Options, Secret};
use gatekeeper_tests::{User, call, text};
use serde_json::{Value, json};

/// A memory database with a manual clock.
fn with_manual_clock() -> (Gatekeeper, ManualClock) {
    let clock = ManualClock::new();
    let mut options = Options::default();
    options.clock = Clock::Manual(clock.clone());
    (Gatekeeper::open_with("memory:", options).unwrap(), clock)
}

fn login(from: &Gatekeeper, email: &str, password: &str) -> Result<Value, GatekeeperError> {
    call(&from.anonymous(), "auth.login", &json!({ "email": email, "password": password }))
}

/// The status of a login.
fn status(from: &Gatekeeper, email: &str, password: &str) -> u16 {
    login(from, email, password).map_or_else(|error| error.status(), |_| 200)
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|each| **each == status).count()
}

/// The actions that the audit log of a file has.
fn audited(file: &Path, action: &str) -> Vec<(String, Option<String>)> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT actor_type, target FROM audit_events WHERE action = $1";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([action], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_client_address_may_fail_thirty_password_checks_a_minute_over_all_accounts() {
    let (gatekeeper, clock) = with_manual_clock();
    let _victim = User::sign_up(&gatekeeper, "victim@example.com");
    let away = gatekeeper.with_client_address("198.51.100.9");
    for account in 0..30 {
        assert_eq!(status(&away, &format!("a{account}@example.com"), "wrong horse"), 401, "{account}");
    }
    // No further password is compared, neither of another account nor the right one.
    let rejected = login(&away, "victim@example.com", "correct horse").unwrap_err();
    assert_eq!((rejected.status(), rejected.code(), rejected.retry_after()), (429, "rate_limited", Some(60)));
    let limit = json!({ "rateLimit": { "name": "credential", "total": 30, "windowSeconds": 60 } });
    assert_eq!(rejected.details(), Some(&limit));
    assert_eq!(
        status(&gatekeeper.with_client_address("198.51.100.10"), "victim@example.com", "correct horse"),
        200
    );
    clock.advance(59_999);
    assert_eq!(login(&away, "b@example.com", "wrong horse").unwrap_err().retry_after(), Some(1));
    clock.advance(1);
    assert_eq!(status(&away, "victim@example.com", "correct horse"), 200);
}

#[test]
fn the_number_of_failed_password_checks_of_an_address_is_an_option() {
    let mut options = Options::default();
    options.wrong_passwords_per_minute = 2;
    let away = Gatekeeper::open_with("memory:", options).unwrap().with_client_address("198.51.100.9");
    let statuses = ["a", "b", "c"].map(|name| status(&away, &format!("{name}@example.com"), "wrong horse"));
    assert_eq!(statuses, [401, 401, 429]);
    let mut options = Options::default();
    options.wrong_passwords_per_minute = 0;
    let rejected = Gatekeeper::open_with("memory:", options).unwrap_err();
    assert!(rejected.message().starts_with("wrongPasswordsPerMinute must be a whole number from 1"));
}

#[test]
fn the_addresses_of_an_ipv6_network_of_64_bits_count_as_one() {
    let (gatekeeper, _hand) = with_manual_clock();
    let from = |host: u32| gatekeeper.with_client_address(&format!("2001:db8::{host:x}"));
    for account in 0..30 {
        assert_eq!(status(&from(account), &format!("a{account}@example.com"), "wrong horse"), 401);
    }
    assert_eq!(status(&from(30), "b@example.com", "wrong horse"), 429);
    assert_eq!(
        status(&gatekeeper.with_client_address("2001:db8:0:1::1"), "b@example.com", "wrong horse"),
        401
    );
}

#[test]
fn a_guesser_does_not_lock_out_the_users_of_the_same_address() {
    let (gatekeeper, _hand) = with_manual_clock();
    let office = gatekeeper.with_client_address("192.0.2.1");
    let (_here, there) =
        (User::sign_up(&office, "here@example.com"), User::sign_up(&gatekeeper, "there@example.com"));
    for account in 0..30 {
        assert_eq!(status(&office, &format!("a{account}@example.com"), "wrong horse"), 401);
    }
    assert_eq!(status(&office, &there.email, "correct horse"), 429);
    // A user who has logged in from there before still can; their own failed logins are counted as usual.
    for (password, outcome) in [("correct horse", 200), ("wrong horse", 401), ("correct horse", 200)] {
        assert_eq!(status(&office, "here@example.com", password), outcome);
    }
}

#[test]
fn right_passwords_from_a_new_address_are_not_counted() {
    let (gatekeeper, _hand) = with_manual_clock();
    let users: Vec<_> =
        (0..33).map(|number| User::sign_up(&gatekeeper, &format!("a{number}@example.com"))).collect();
    let office = gatekeeper.with_client_address("192.0.2.1");
    for user in &users {
        assert_eq!(status(&office, &user.email, "correct horse"), 200);
    }
    assert_eq!(status(&office, "b@example.com", "wrong horse"), 401);
}

#[test]
fn failed_password_changes_are_throttled_like_logins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatekeeper.db");
    let gatekeeper = Gatekeeper::open(file.to_str().unwrap()).unwrap();
    let user = User::sign_up(&gatekeeper.with_client_address("192.0.2.1"), "a@example.com");
    // A stolen token, at the owner's address and elsewhere.
    for (address, rejections) in [("192.0.2.1", 5), ("198.51.100.9", 10)] {
        let thief = user.gatekeeper.with_client_address(address);
        let guesses: Vec<u16> = (0..120)
            .map(|guess| {
                let request =
                    json!({ "currentPassword": format!("guess {guess}"), "newPassword": "battery staple" });
                call(&thief, "auth.changePassword", &request).unwrap_err().status()
            })
            .collect();
        assert_eq!((count(&guesses[..5], 401), count(&guesses[5..], 429)), (5, 115), "{address}");
        let trace = audited(&file, "user.password_change_refused");
        assert_eq!(trace, vec![("user".to_owned(), Some(user.id.clone())); rejections]);
    }
    // They are counted together with the failed logins of the same address.
    assert_eq!(status(&gatekeeper.with_client_address("198.51.100.9"), "a@example.com", "wrong horse"), 429);
    assert!(audited(&file, "user.login_refused").is_empty());
    assert_eq!(status(&gatekeeper.with_client_address("203.0.113.1"), "b@example.com", "wrong horse"), 401);
    assert_eq!(audited(&file, "user.login_refused"), [("anonymous".to_owned(), None)]);
}

#[test]
fn a_changed_password_resets_the_failed_attempts() {
    let (gatekeeper, _hand) = with_manual_clock();
    let user = User::sign_up(&gatekeeper.with_client_address("192.0.2.1"), "a@example.com");
    let home = user.gatekeeper.with_client_address("192.0.2.1");
    let mut current = "correct horse".to_owned();
    for turn in 0..3 {
        let wrong = json!({ "currentPassword": "wrong horse", "newPassword": "battery staple" });
        for _ in 0..4 {
            assert_eq!(call(&home, "auth.changePassword", &wrong).unwrap_err().status(), 401);
        }
        let new = format!("battery staple {turn}");
        let right = json!({ "currentPassword": current, "newPassword": new });
        call(&home, "auth.changePassword", &right).unwrap();
        current = new;
    }
}

#[test]
fn simultaneous_guesses_of_many_accounts_are_all_counted() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap().with_client_address("198.51.100.9");
    let start = Barrier::new(50);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let (start, gatekeeper) = (&start, &gatekeeper);
        let guess = |account: usize| {
            start.wait();
            status(gatekeeper, &format!("a{account}@example.com"), "wrong horse")
        };
        let all: Vec<_> = (0..50).map(|account| scope.spawn(move || guess(account))).collect();
        all.into_iter().map(|each| each.join().unwrap()).collect()
    });
    assert_eq!((count(&statuses, 401), count(&statuses, 429)), (30, 20), "{statuses:?}");
}

#[test]
fn a_hundred_simultaneous_logins_from_one_address_do_not_starve_others() {
    let mut options = Options::default();
    // Every guess of the flood is compared.
    options.wrong_passwords_per_minute = u32::MAX;
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let (flood, other) =
        (gatekeeper.with_client_address("198.51.100.9"), gatekeeper.with_client_address("192.0.2.1"));
    let quiet = User::sign_up(&other, "quiet@example.com");
    let (over, begun) = (AtomicBool::new(false), Barrier::new(101));
    thread::scope(|scope| {
        let (over, begun, flood) = (&over, &begun, &flood);
        for account in 0..100 {
            scope.spawn(move || {
                begun.wait();
                for turn in 0.. {
                    if over.load(Relaxed) {
                        break;
                    }
                    let email = format!("a{account}.{turn}@example.com");
                    // Some are rejected because the queue is full, and retry.
                    match status(flood, &email, "wrong horse") {
                        401 => {}
                        503 => thread::sleep(Duration::from_millis(20)),
                        other => panic!("{other}"),
                    }
                }
            });
        }
        begun.wait();
        let statuses: Vec<u16> = (0..12).map(|_| status(&other, &quiet.email, "correct horse")).collect();
        over.store(true, Relaxed);
        assert_eq!(statuses, [200; 12]);
    });
}

#[test]
fn without_a_client_address_nothing_is_throttled() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    for _ in 0..35 {
        assert_eq!(status(&gatekeeper, "a@example.com", "wrong horse"), 401);
    }
    let request = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    call(&user.gatekeeper, "auth.changePassword", &request).unwrap();
    let tokens = login(&gatekeeper, "a@example.com", "battery staple").unwrap();
    assert!(
        call(&gatekeeper.with_token(&Secret::new(text(&tokens, "accessToken"))), "auth.me", &json!({}))
            .is_ok()
    );
}
