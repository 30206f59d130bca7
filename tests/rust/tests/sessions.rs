//! The lifetime and the number of sessions.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Clock, ManualClock, Options, Secret};
use gatekeeper_tests::{User, call, text};
use serde_json::{Value, json};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A memory database with a manual clock.
fn with_manual_clock(change: impl FnOnce(&mut Options)) -> (Gatekeeper, ManualClock) {
    let clock = ManualClock::new();
    let mut options = Options::default();
    options.clock = Clock::Manual(clock.clone());
    change(&mut options);
    (Gatekeeper::open_with("memory:", options).unwrap(), clock)
}

fn is_accepted(gatekeeper: &Gatekeeper, tokens: &Value) -> bool {
    let token = Secret::new(text(tokens, "accessToken"));
    call(&gatekeeper.with_token(&token), "auth.me", &json!({})).is_ok()
}

fn log_in(gatekeeper: &Gatekeeper) -> Value {
    let login = json!({ "email": "a@example.com", "password": "correct horse" });
    call(&gatekeeper.anonymous(), "auth.login", &login).unwrap()
}

#[test]
fn a_session_ends_however_often_it_is_refreshed_and_no_token_outlives_it() {
    let (gatekeeper, clock) = with_manual_clock(|options| options.session_days = 10);
    let user = User::sign_up(&gatekeeper, "a@example.com");
    let refresh = |token: &str| {
        call(&gatekeeper.anonymous(), "auth.refresh", &json!({ "refreshToken": token })).unwrap()
    };
    clock.advance(6 * DAY_MS);
    let first = refresh(&user.refresh_token);
    let as_user = gatekeeper.with_token(&Secret::new(text(&first, "accessToken")));
    let listed = call(&as_user, "auth.sessions", &json!({})).unwrap();
    let session = &listed["items"][0];
    let began = session["createdAt"].as_i64().unwrap();
    let end = began + 10 * i64::try_from(DAY_MS).unwrap();
    assert_eq!((session["expiresAt"].as_i64(), session["endsAt"].as_i64()), (Some(end), Some(end)));
    // 5 minutes before the end.
    clock.advance(4 * DAY_MS - 300_000);
    let last = refresh(&text(&first, "refreshToken"));
    assert_eq!(last["expiresIn"], 300);
    clock.advance(299_000);
    assert!(is_accepted(&gatekeeper, &last));
    clock.advance(1000);
    assert!(!is_accepted(&gatekeeper, &last));
    let ended = json!({ "refreshToken": text(&last, "refreshToken") });
    assert_eq!(call(&gatekeeper.anonymous(), "auth.refresh", &ended).unwrap_err().status(), 401);
}

#[test]
fn a_token_that_was_used_at_a_future_time_is_not_accepted_again_before_that_time() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let gatekeeper = Gatekeeper::open(database.to_str().unwrap()).unwrap();
    let user = User::sign_up(&gatekeeper, "a@example.com");
    let request = json!({ "refreshToken": user.refresh_token });
    let refresh = || call(&gatekeeper.anonymous(), "auth.refresh", &request);
    // A retry within 10 s gets the same token.
    let [first, retried] = [refresh(), refresh()].map(|tokens| text(&tokens.unwrap(), "refreshToken"));
    assert_eq!(first, retried);
    let connection = rusqlite::Connection::open(&database).unwrap();
    let changed = connection.execute("UPDATE one_time_tokens SET used_at = used_at + 3600000", []).unwrap();
    assert!(changed > 0);
    assert_eq!(refresh().unwrap_err().status(), 401);
}

#[test]
fn one_session_too_many_ends_the_session_that_was_unused_for_the_longest_time() {
    let (gatekeeper, clock) = with_manual_clock(|options| options.sessions_per_user = 3);
    let user = User::sign_up(&gatekeeper, "a@example.com");
    clock.advance(1000);
    let second = log_in(&gatekeeper);
    clock.advance(1000);
    let third = log_in(&gatekeeper);
    clock.advance(1000);
    // The first session is the one that was used last.
    let first = user.call("auth.refresh", &json!({ "refreshToken": user.refresh_token })).unwrap();
    clock.advance(1000);
    let fourth = log_in(&gatekeeper);
    let accepted = [&first, &second, &third, &fourth].map(|tokens| is_accepted(&gatekeeper, tokens));
    assert_eq!(accepted, [true, false, true, true]);
    let events = call(&gatekeeper, "audit.query", &json!({ "actionPrefix": "session.ended" })).unwrap();
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!(events["items"][0]["actorId"], user.id);
    assert!(events["items"][0]["metadata"]["replacedBy"].is_string(), "{events}");
    for _ in 0..10 {
        drop(log_in(&gatekeeper));
    }
    let newest = log_in(&gatekeeper);
    let as_user = gatekeeper.with_token(&Secret::new(text(&newest, "accessToken")));
    let listed = call(&as_user, "auth.sessions", &json!({})).unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
}

#[test]
fn a_session_is_ended_by_any_of_its_refresh_tokens_without_an_access_token() {
    let (gatekeeper, clock) = with_manual_clock(|_| ());
    let user = User::sign_up(&gatekeeper, "a@example.com");
    let next = user.call("auth.refresh", &json!({ "refreshToken": user.refresh_token })).unwrap();
    // The access tokens have expired.
    clock.advance(DAY_MS);
    let log_out = |token: &str| call(&user.gatekeeper, "auth.logout", &json!({ "refreshToken": token }));
    assert!(log_out(&user.refresh_token).is_ok());
    let newest = json!({ "refreshToken": text(&next, "refreshToken") });
    assert_eq!(call(&gatekeeper.anonymous(), "auth.refresh", &newest).unwrap_err().status(), 401);
    for wrong in [user.refresh_token.as_str(), "", "canary", &user.access_token] {
        let error = log_out(wrong).unwrap_err();
        assert!(error.status() == 401 && !error.message().contains("canary"), "{error}");
    }
    // Without a refresh token, an access token is required.
    assert_eq!(call(&user.gatekeeper, "auth.logout", &json!({})).unwrap_err().status(), 401);
}
