//! Accounts and sessions, as a caller and as an attacker see them.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Clock, ErrorKind, GatekeeperError, ManualClock, Options, Result, Secret};
use gatekeeper_tests::{User, call, text};
use serde_json::{Value, json};

/// Runs a test with a memory database and with a file.
fn everywhere(test: impl Fn(&Gatekeeper)) {
    test(&Gatekeeper::open("memory:").unwrap());
    let folder = tempfile::tempdir().unwrap();
    test(&Gatekeeper::open(folder.path().join("gatekeeper.db").to_str().unwrap()).unwrap());
}

/// A memory database with a manual clock.
fn with_manual_clock() -> (Gatekeeper, ManualClock) {
    let clock = ManualClock::new();
    let mut options = Options::default();
    options.clock = Clock::Manual(clock.clone());
    (Gatekeeper::open_with("memory:", options).unwrap(), clock)
}

fn log_in(gatekeeper: &Gatekeeper, email: &str, password: &str) -> Result<Value> {
    call(&gatekeeper.anonymous(), "auth.login", &json!({ "email": email, "password": password }))
}

fn refresh(gatekeeper: &Gatekeeper, token: &str) -> Result<Value> {
    call(&gatekeeper.anonymous(), "auth.refresh", &json!({ "refreshToken": token }))
}

/// The parts of an error that a caller can see.
fn visible(error: &GatekeeperError) -> (u16, &'static str, String, Option<u32>) {
    (error.status(), error.code(), error.message().to_owned(), error.retry_after())
}

fn is_active(user: &User) -> bool {
    match user.call("auth.me", &json!({})) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::CredentialInvalid => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_new_user_is_logged_in_and_can_log_in_again() {
    everywhere(|gatekeeper| {
        let user = User::sign_up(gatekeeper, "Founder@Example.com");
        let me = user.call("auth.me", &json!({})).unwrap();
        assert_eq!(
            (text(&me, "id"), text(&me, "email")),
            (user.id.clone(), "founder@example.com".to_owned())
        );
        assert_eq!(me.get("emailVerified"), Some(&json!(false)));
        let tokens = log_in(gatekeeper, " founder@EXAMPLE.com", "correct horse").unwrap();
        assert_eq!(text(tokens.get("user").unwrap(), "id"), user.id);
        assert_eq!(tokens.get("expiresIn"), Some(&json!(900)));
    });
}

#[test]
fn an_address_belongs_to_one_account_however_it_is_written() {
    everywhere(|gatekeeper| {
        let _first = User::sign_up(gatekeeper, "\u{e9}va@b\u{fc}cher.example");
        for same in ["E\u{301}VA@B\u{dc}CHER.example", "\u{c9}va@xn--bcher-kva.example"] {
            let request = json!({ "email": same, "password": "correct horse" });
            let error = call(&gatekeeper.anonymous(), "auth.signup", &request).unwrap_err();
            assert_eq!((error.status(), error.code()), (409, "conflict"));
            assert!(log_in(gatekeeper, same, "correct horse").is_ok());
        }
    });
}

#[test]
fn a_request_is_checked_before_the_caller_and_the_caller_before_the_tenant() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let stranger = gatekeeper.with_token(&Secret::new("a.b.c"));
    let tenant = "tnt_00000000000000000000000000";
    for (caller, request, status) in [
        (&stranger, json!({ "tenantId": 5 }), 400),
        (&stranger, json!({ "tenantId": "key_00000000000000000000000000" }), 400),
        (&stranger, json!({ "tenantId": tenant, "name": "" }), 400),
        (&stranger, json!({ "tenantId": tenant, "name": "x" }), 401),
        (&gatekeeper.anonymous(), json!({ "tenantId": tenant, "name": "x" }), 401),
    ] {
        assert_eq!(call(caller, "tenants.update", &request).unwrap_err().status(), status, "{request}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_account_have_the_same_error() {
    everywhere(|gatekeeper| {
        let _user = User::sign_up(gatekeeper, "a@example.com");
        let wrong = log_in(gatekeeper, "a@example.com", "wrong horse").unwrap_err();
        let unknown = log_in(gatekeeper, "b@example.com", "wrong horse").unwrap_err();
        assert_eq!(visible(&wrong), visible(&unknown));
        assert_eq!((wrong.status(), wrong.code()), (401, "unauthorized"));
    });
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test's own clock")]
fn a_login_takes_as_long_for_an_unknown_account_as_for_a_wrong_password() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let _user = User::sign_up(&gatekeeper, "a@example.com");
    let median = |email: &str| {
        let mut took: Vec<Duration> = (0..11)
            .map(|_| {
                let start = Instant::now();
                log_in(&gatekeeper, email, "wrong horse").unwrap_err();
                start.elapsed()
            })
            .collect();
        took.sort_unstable();
        took[5]
    };
    // Without a password hash, an unknown account would be rejected a hundred times as fast.
    let (wrong, unknown) = (median("a@example.com"), median("b@example.com"));
    assert!(unknown * 3 > wrong && wrong * 3 > unknown, "{wrong:?} {unknown:?}");
}

#[test]
fn every_invalid_credential_has_the_same_error() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    user.call("auth.logout", &json!({})).unwrap();
    let (head, rest) = user.access_token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let mut errors = HashSet::new();
    for token in [
        user.access_token.clone(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{signature}A"),
        format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>()),
        "a.b.c".to_owned(),
        "..".to_owned(),
        "nonsense".to_owned(),
        "gk_live_nonsense".to_owned(),
        "\u{1f98a}".repeat(10_000),
        ".".repeat(1_000_000),
    ] {
        let error = call(&gatekeeper.with_token(&Secret::new(token)), "auth.me", &json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialInvalid);
        errors.insert(visible(&error));
    }
    assert_eq!(errors.len(), 1);
}

#[test]
fn an_access_token_ends_after_a_quarter_of_an_hour() {
    let (gatekeeper, clock) = with_manual_clock();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    clock.advance(15 * 60_000 - 1000);
    assert!(is_active(&user));
    clock.advance(1000);
    assert!(!is_active(&user));
}

#[test]
fn two_hundred_refreshes_at_once_make_one_successor_and_all_return_it() {
    everywhere(|gatekeeper| {
        let user = User::sign_up(gatekeeper, "a@example.com");
        let start = Barrier::new(200);
        let successors: HashSet<String> = thread::scope(|scope| {
            let one = || {
                start.wait();
                text(&refresh(gatekeeper, &user.refresh_token).unwrap(), "refreshToken")
            };
            let all: Vec<_> = (0..200).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|each| each.join().unwrap()).collect()
        });
        assert_eq!(successors.len(), 1);
        assert!(is_active(&user));
        let sessions = user.call("auth.sessions", &json!({})).unwrap();
        assert_eq!(sessions.get("items").and_then(Value::as_array).unwrap().len(), 1);
    });
}

#[test]
fn reuse_of_a_refresh_token_after_its_grace_ends_the_session() {
    let (gatekeeper, clock) = with_manual_clock();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    let next = text(&refresh(&gatekeeper, &user.refresh_token).unwrap(), "refreshToken");
    clock.advance(9_999);
    assert_eq!(text(&refresh(&gatekeeper, &user.refresh_token).unwrap(), "refreshToken"), next);
    clock.advance(1);
    assert!(refresh(&gatekeeper, &user.refresh_token).is_err());
    assert!(refresh(&gatekeeper, &next).is_err(), "the thief's token is revoked, too");
    assert!(!is_active(&user));
}

#[test]
fn reuse_of_a_refresh_token_after_its_successor_was_used_ends_the_session() {
    everywhere(|gatekeeper| {
        let user = User::sign_up(gatekeeper, "a@example.com");
        let next = text(&refresh(gatekeeper, &user.refresh_token).unwrap(), "refreshToken");
        let newest = text(&refresh(gatekeeper, &next).unwrap(), "refreshToken");
        let error_of_reuse = visible(&refresh(gatekeeper, &user.refresh_token).unwrap_err());
        assert!(refresh(gatekeeper, &newest).is_err());
        assert!(!is_active(&user));
        assert_eq!(error_of_reuse, visible(&refresh(gatekeeper, "never one").unwrap_err()));
    });
}

#[test]
fn without_grace_the_second_of_two_refreshes_ends_the_session() {
    let mut options = Options::default();
    options.refresh_grace = Duration::ZERO;
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    refresh(&gatekeeper, &user.refresh_token).unwrap();
    assert!(refresh(&gatekeeper, &user.refresh_token).is_err());
    assert!(!is_active(&user));
}

#[test]
fn a_refresh_token_ends_after_seven_days() {
    let (gatekeeper, clock) = with_manual_clock();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    clock.advance(7 * 24 * 60 * 60_000 - 1);
    let next = text(&refresh(&gatekeeper, &user.refresh_token).unwrap(), "refreshToken");
    clock.advance(7 * 24 * 60 * 60_000);
    assert!(refresh(&gatekeeper, &next).is_err());
}

#[test]
fn logout_ends_one_session_at_once_and_logout_all_every_session() {
    everywhere(|gatekeeper| {
        let user = User::sign_up(gatekeeper, "a@example.com");
        let other = log_in(gatekeeper, "a@example.com", "correct horse").unwrap();
        let other = gatekeeper.with_token(&Secret::new(text(&other, "accessToken")));
        user.call("auth.logout", &json!({})).unwrap();
        assert!(!is_active(&user));
        assert!(refresh(gatekeeper, &user.refresh_token).is_err());
        assert!(call(&other, "auth.me", &json!({})).is_ok());
        call(&other, "auth.logoutAll", &json!({})).unwrap();
        assert!(call(&other, "auth.me", &json!({})).is_err());
    });
}

#[test]
fn only_its_user_can_list_and_end_a_session() {
    everywhere(|gatekeeper| {
        let (user, other) =
            (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        log_in(gatekeeper, "a@example.com", "correct horse").unwrap();
        let sessions = user.call("auth.sessions", &json!({})).unwrap();
        let sessions = sessions.get("items").and_then(Value::as_array).unwrap();
        assert_eq!(sessions.len(), 2);
        let ids: Vec<String> = sessions.iter().map(|session| text(session, "id")).collect();
        let error = other.call("auth.revokeSession", &json!({ "sessionId": ids[1] })).unwrap_err();
        assert_eq!(error.status(), 404);
        user.call("auth.revokeSession", &json!({ "sessionId": ids[1] })).unwrap();
        let again = user.call("auth.revokeSession", &json!({ "sessionId": ids[1] })).unwrap_err();
        assert_eq!(visible(&error), visible(&again));
        assert!(is_active(&user));
    });
}

#[test]
fn changing_the_password_ends_the_other_sessions_and_needs_the_old_one() {
    everywhere(|gatekeeper| {
        let user = User::sign_up(gatekeeper, "a@example.com");
        let other = log_in(gatekeeper, "a@example.com", "correct horse").unwrap();
        let change = |current: &str, new: &str| {
            user.call("auth.changePassword", &json!({ "currentPassword": current, "newPassword": new }))
        };
        assert_eq!(change("wrong horse", "battery staple").unwrap_err().status(), 401);
        assert_eq!(change("correct horse", "password").unwrap_err().status(), 400);
        change("correct horse", "battery staple").unwrap();
        assert!(is_active(&user));
        assert!(refresh(gatekeeper, &text(&other, "refreshToken")).is_err());
        assert!(log_in(gatekeeper, "a@example.com", "correct horse").is_err());
        assert!(log_in(gatekeeper, "a@example.com", "battery staple").is_ok());
    });
}

#[test]
fn failed_logins_throttle_their_client_address_and_never_a_known_address_of_the_owner() {
    let (gatekeeper, clock) = with_manual_clock();
    let (home, away) =
        (gatekeeper.with_client_address("192.0.2.1"), gatekeeper.with_client_address("198.51.100.9"));
    let _owner = User::sign_up(&home, "a@example.com");
    log_in(&gatekeeper.with_client_address("192.0.2.2"), "a@example.com", "correct horse").unwrap();
    for spelling in ["a@example.com", "A@example.com", "a@EXAMPLE.com", " a@example.com", "a@example.COM "] {
        assert_eq!(log_in(&away, spelling, "wrong horse").unwrap_err().status(), 401);
    }
    for password in ["wrong horse", "correct horse"] {
        let error = log_in(&away, "a@example.com", password).unwrap_err();
        assert_eq!(visible(&error), (429, "rate_limited", error.message().to_owned(), Some(60)));
    }
    // Many client addresses cannot guess faster than one; the same holds for an unknown account.
    let elsewhere = gatekeeper.with_client_address("203.0.113.7");
    assert_eq!(log_in(&elsewhere, "a@example.com", "wrong horse").unwrap_err().status(), 429);
    for _ in 0..5 {
        assert_eq!(log_in(&away, "unknown@example.com", "wrong horse").unwrap_err().status(), 401);
    }
    assert_eq!(log_in(&away, "unknown@example.com", "wrong horse").unwrap_err().status(), 429);
    log_in(&home, "a@example.com", "correct horse").unwrap();

    clock.advance(60_000);
    assert_eq!(log_in(&away, "a@example.com", "wrong horse").unwrap_err().status(), 401);
    assert_eq!(log_in(&away, "a@example.com", "wrong horse").unwrap_err().retry_after(), Some(120));
    clock.advance(120_000);
    log_in(&away, "a@example.com", "correct horse").unwrap();
}

#[test]
fn the_throttles_of_a_client_address_are_options() {
    let mut options = Options::default();
    (options.signups_per_minute, options.refreshes_per_minute) = (1, 2);
    let here = Gatekeeper::open_with("memory:", options).unwrap().with_client_address("192.0.2.1");
    let _user = User::sign_up(&here, "a@example.com");
    let signup = json!({ "email": "b@example.com", "password": "correct horse" });
    assert_eq!(call(&here.anonymous(), "auth.signup", &signup).unwrap_err().status(), 429);
    let statuses = [(); 3].map(|()| refresh(&here, "never one").unwrap_err().status());
    assert_eq!(statuses, [401, 401, 429]);
}

#[test]
fn signups_refreshes_and_unknown_keys_of_a_client_address_are_counted_separately() {
    let (gatekeeper, clock) = with_manual_clock();
    let here = gatekeeper.with_client_address("192.0.2.1");
    let mut user = None;
    for number in 0..20 {
        user = Some(User::sign_up(&here, &format!("a{number}@example.com")));
    }
    let signup = json!({ "email": "b@example.com", "password": "correct horse" });
    let error = call(&here.anonymous(), "auth.signup", &signup).unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (429, Some(60)));
    assert!(call(&gatekeeper.anonymous().with_client_address("192.0.2.2"), "auth.signup", &signup).is_ok());
    assert_eq!(
        call(&here.anonymous(), "auth.signup", &json!({})).unwrap_err().status(),
        400,
        "checked first"
    );

    for _ in 0..60 {
        assert_eq!(refresh(&here, "never one").unwrap_err().status(), 401);
    }
    assert_eq!(refresh(&here, "never one").unwrap_err().status(), 429);

    let key = gatekeeper.call(gatekeeper::key_manager::CreateKey::new("user")).unwrap();
    gatekeeper.call(gatekeeper::key_manager::DeleteKey { id: key.id.into() }).unwrap();
    let with_key = here.with_token(&key.api_key);
    for _ in 0..60 {
        assert_eq!(call(&with_key, "auth.me", &json!({})).unwrap_err().status(), 401);
    }
    assert_eq!(call(&with_key, "auth.me", &json!({})).unwrap_err().status(), 429);
    assert!(is_active(&user.unwrap()), "who is known is not counted");
    clock.advance(60_000);
    assert!(
        call(
            &here.anonymous(),
            "auth.signup",
            &json!({ "email": "c@example.com", "password": "correct horse" })
        )
        .is_ok()
    );
}

#[test]
fn simultaneous_guesses_are_all_counted() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap().with_client_address("192.0.2.1");
    let _owner = User::sign_up(&gatekeeper, "a@example.com");
    let start = Barrier::new(20);
    let compared: usize = thread::scope(|scope| {
        let guess = || {
            start.wait();
            usize::from(log_in(&gatekeeper, "a@example.com", "wrong horse").unwrap_err().status() == 401)
        };
        let all: Vec<_> = (0..20).map(|_| scope.spawn(guess)).collect();
        all.into_iter().map(|each| each.join().unwrap()).sum()
    });
    assert_eq!(compared, 5);
}

#[test]
fn a_list_continues_after_its_page_and_its_cursor_is_valid_only_for_that_list() {
    everywhere(|gatekeeper| {
        let (user, other) =
            (User::sign_up(gatekeeper, "a@example.com"), User::sign_up(gatekeeper, "b@example.com"));
        let made: Vec<String> = (0..7).map(|number| user.new_tenant(&format!("t{number}"))).collect();
        let mut seen = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let page = user.call("tenants.list", &json!({ "limit": 3, "cursor": cursor })).unwrap();
            seen.extend(
                page.get("items").and_then(Value::as_array).unwrap().iter().map(|each| text(each, "id")),
            );
            cursor = page.get("nextCursor").unwrap().clone();
            if cursor.is_null() {
                break;
            }
            for (caller, list) in [(&other, "tenants.list"), (&user, "auth.sessions")] {
                assert_eq!(caller.call(list, &json!({ "cursor": cursor })).unwrap_err().status(), 400);
            }
        }
        assert_eq!(seen.iter().collect::<HashSet<_>>(), made.iter().collect::<HashSet<_>>());
        assert_eq!(seen.len(), 7);
        for cursor in ["", "x", "\u{1f98a}"] {
            assert_eq!(user.call("tenants.list", &json!({ "cursor": cursor })).unwrap_err().status(), 400);
        }
        for limit in [0, 1_000_000] {
            assert!(user.call("tenants.list", &json!({ "limit": limit })).is_ok());
        }
    });
}
