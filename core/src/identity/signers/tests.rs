use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::blocking::Gatekeeper;
use crate::platform::RotateSigningKey;
use crate::{Clock, ManualClock, Options, Secret, SigningAlgorithm};

fn in_memory(clock: &ManualClock) -> Gatekeeper {
    let options = Options { clock: Clock::Manual(clock.clone()), ..Options::default() };
    Gatekeeper::open_with("memory:", options).unwrap()
}

fn on_file(path: &std::path::Path, signing_algorithm: SigningAlgorithm) -> Gatekeeper {
    let options = Options { signing_algorithm, ..Options::default() };
    Gatekeeper::open_with(path.to_str().unwrap(), options).unwrap()
}

/// A part of a JWT: 0 for the header, 1 for the claims.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn sign_up(gatekeeper: &Gatekeeper, name: &str) -> String {
    let request = json!({ "email": format!("{name}@example.com"), "password": "correct horse" });
    let answer = gatekeeper.anonymous().call_json("auth.signup", &request.to_string()).unwrap();
    serde_json::from_str::<Value>(&answer).unwrap()["accessToken"].as_str().unwrap().to_owned()
}

/// The `kid` that a new token is signed with.
fn signer(gatekeeper: &Gatekeeper, name: &str) -> Value {
    part(&sign_up(gatekeeper, name), 0)["kid"].clone()
}

fn published(gatekeeper: &Gatekeeper) -> Vec<Value> {
    let keys = gatekeeper.jwks().unwrap();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

fn is_accepted(gatekeeper: &Gatekeeper, token: &str) -> bool {
    gatekeeper.with_token(&Secret::new(token)).call_json("auth.me", "{}").is_ok()
}

#[test]
fn a_new_signing_key_is_published_first_and_signs_when_every_verifier_can_know_it() {
    let clock = ManualClock::new();
    let gatekeeper = in_memory(&clock);
    let before = sign_up(&gatekeeper, "a");
    let old = part(&before, 0)["kid"].clone();
    let new = gatekeeper.call(RotateSigningKey::default()).unwrap();
    assert_eq!(new.signs_from - new.created_at, 310_000);
    assert_eq!(published(&gatekeeper).len(), 2);
    clock.advance(309_999);
    assert_eq!(signer(&gatekeeper, "b"), old);
    clock.advance(1);
    assert_eq!(signer(&gatekeeper, "c"), json!(new.kid));
    // The previous key is published until the last token that it signed has expired.
    assert!(published(&gatekeeper).contains(&old) && is_accepted(&gatekeeper, &before));
}

#[test]
fn with_activate_now_a_new_signing_key_signs_at_once_even_before_a_published_one() {
    let gatekeeper = in_memory(&ManualClock::new());
    let old = signer(&gatekeeper, "a");
    gatekeeper.call(RotateSigningKey::default()).unwrap();
    assert_eq!(signer(&gatekeeper, "b"), old);
    let new = gatekeeper.call(RotateSigningKey { activate_now: true }).unwrap();
    assert_eq!(new.signs_from, new.created_at);
    assert_eq!(signer(&gatekeeper, "c"), json!(new.kid));
}

#[test]
fn two_rotations_within_the_publication_period_sign_in_order() {
    let clock = ManualClock::new();
    let gatekeeper = in_memory(&clock);
    let first = signer(&gatekeeper, "a");
    let second = gatekeeper.call(RotateSigningKey::default()).unwrap();
    clock.advance(100_000);
    let third = gatekeeper.call(RotateSigningKey::default()).unwrap();
    for (name, advance, kid) in
        [("b", 0, first), ("c", 210_000, json!(second.kid)), ("d", 100_000, json!(third.kid))]
    {
        clock.advance(advance);
        assert_eq!(signer(&gatekeeper, name), kid, "{name}");
    }
}

#[test]
fn the_first_signing_key_of_a_database_signs_at_once() {
    let gatekeeper = in_memory(&ManualClock::new());
    let new = gatekeeper.call(RotateSigningKey::default()).unwrap();
    assert_eq!(new.signs_from, new.created_at);
    assert_eq!(signer(&gatekeeper, "a"), json!(new.kid));
}

#[test]
fn after_a_change_of_algorithm_the_new_key_is_published_while_the_previous_one_signs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let old = signer(&on_file(&path, SigningAlgorithm::EdDsa), "a");
    let gatekeeper = on_file(&path, SigningAlgorithm::Rs256);
    let token = sign_up(&gatekeeper, "b");
    assert_eq!(part(&token, 0)["kid"], old);
    assert!(is_accepted(&gatekeeper, &token));
    let keys = gatekeeper.jwks().unwrap();
    let algorithms: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| &key["alg"]).collect();
    assert!(algorithms.contains(&&json!("RS256")) && algorithms.len() == 2, "{algorithms:?}");
}

#[test]
fn a_key_of_an_algorithm_that_no_running_process_signs_with_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let running = on_file(&path, SigningAlgorithm::EdDsa);
    drop(sign_up(&running, "a"));
    let other = on_file(&path, SigningAlgorithm::Rs256);
    let error = other.call(RotateSigningKey::default()).unwrap_err();
    assert_eq!(error.code(), "bad_request");
    assert!(error.message().starts_with("signingAlgorithm: a new RS256 key would not be used"), "{error}");
    // Even if it would sign at once.
    assert!(other.call(RotateSigningKey { activate_now: true }).is_err());
    assert_eq!(published(&running).len(), 1);
    assert!(running.call(RotateSigningKey::default()).is_ok());
    // Once processes of both algorithms run, either key may be rotated.
    drop(sign_up(&other, "b"));
    assert!(other.call(RotateSigningKey::default()).is_ok());
}

#[test]
fn an_access_token_has_every_claim_that_rfc_9068_asks_for_and_an_id_of_its_own() {
    let gatekeeper = in_memory(&ManualClock::new());
    let claims = ["a", "b"].map(|name| part(&sign_up(&gatekeeper, name), 1));
    for claims in &claims {
        for claim in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
            assert!(!claims[claim].is_null(), "{claim}");
        }
        assert_eq!(claims["client_id"], "gatekeeper");
    }
    assert_ne!(claims[0]["jti"], claims[1]["jti"]);
}
