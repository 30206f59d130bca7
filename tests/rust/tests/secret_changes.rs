//! A secret that is lost, changed, or different from that of other processes.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{GatekeeperError, Options, Secret};
use gatekeeper_tests::{User, call, text};
use serde_json::{Value, json};

const FIRST: &str = "the first secret, as long";
const SECOND: &str = "the second secret, as long";

fn open(path: &Path, secret: Option<&str>, previous: Option<&str>) -> Gatekeeper {
    let mut options = Options::default();
    options.secret = secret.map(Secret::new);
    options.previous_secret = previous.map(Secret::new);
    Gatekeeper::open_with(path.to_str().unwrap(), options).unwrap()
}

fn log_in(gatekeeper: &Gatekeeper) -> Result<Value, GatekeeperError> {
    call(
        &gatekeeper.anonymous(),
        "auth.login",
        &json!({ "email": "a@example.com", "password": "correct horse" }),
    )
}

fn is_accepted(gatekeeper: &Gatekeeper, access_token: &str) -> bool {
    call(&gatekeeper.with_token(&Secret::new(access_token)), "auth.me", &json!({})).is_ok()
}

fn key_ids(gatekeeper: &Gatekeeper) -> Vec<String> {
    let keys = gatekeeper.jwks().unwrap();
    keys["keys"].as_array().unwrap().iter().map(|key| text(key, "kid")).collect()
}

#[test]
fn with_another_secret_users_log_in_again_and_unreadable_keys_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let (access, refresh, before) = {
        let gatekeeper = open(&database, Some(FIRST), None);
        let user = User::sign_up(&gatekeeper, "a@example.com");
        (user.access_token, user.refresh_token, key_ids(&gatekeeper))
    };
    let gatekeeper = open(&database, Some(SECOND), None);
    assert!(!is_accepted(&gatekeeper, &access));
    let tokens = log_in(&gatekeeper).unwrap();
    assert!(is_accepted(&gatekeeper, &text(&tokens, "accessToken")));
    // A refresh token does not depend on the secret.
    let refreshed =
        call(&gatekeeper.anonymous(), "auth.refresh", &json!({ "refreshToken": refresh })).unwrap();
    assert!(is_accepted(&gatekeeper, &text(&refreshed, "accessToken")));
    assert!(gatekeeper.check_ready().is_ok());
    let after = key_ids(&gatekeeper);
    assert!(after.len() == 1 && after != before, "{after:?}");
    let warning = gatekeeper.take_warning().unwrap();
    assert!(
        warning.contains("cannot be opened with this secret: 1") && !warning.contains(SECOND),
        "{warning}"
    );
    assert_eq!(gatekeeper.take_warning(), None);
    let sealed = gatekeeper.inspect().unwrap().sealed.unwrap();
    assert_eq!((sealed.total, sealed.unopened), (2, 1));
    drop(gatekeeper);

    // With the former secret, everything is readable again.
    let gatekeeper = open(&database, Some(FIRST), None);
    assert_eq!(key_ids(&gatekeeper), before);
    assert!(is_accepted(&gatekeeper, &access));
}

#[test]
fn rotating_the_signing_key_removes_unreadable_keys() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    drop(User::sign_up(&open(&database, Some(FIRST), None), "a@example.com"));
    let gatekeeper = open(&database, Some(SECOND), None);
    let rotated = call(&gatekeeper, "platform.rotateSigningKey", &json!({})).unwrap();
    assert_eq!(key_ids(&gatekeeper), [text(&rotated, "kid")]);
    let sealed = gatekeeper.inspect().unwrap().sealed.unwrap();
    assert_eq!((sealed.total, sealed.unopened), (1, 0));
    assert!(is_accepted(&gatekeeper, &text(&log_in(&gatekeeper).unwrap(), "accessToken")));
}

#[test]
fn with_both_secrets_all_tokens_and_cursors_stay_valid_and_the_new_one_encrypts() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let list = |gatekeeper: &Gatekeeper, cursor: Option<&str>| {
        call(gatekeeper, "tenants.list", &json!({ "limit": 1, "cursor": cursor })).unwrap()
    };
    let (access, refresh, successor, cursor, keys) = {
        let gatekeeper = open(&database, Some(FIRST), None);
        let user = User::sign_up(&gatekeeper, "a@example.com");
        drop(user.new_tenant("Acme"));
        let exchanged = user.call("auth.refresh", &json!({ "refreshToken": user.refresh_token })).unwrap();
        let successor = text(&exchanged, "refreshToken");
        (
            user.access_token,
            user.refresh_token,
            successor,
            text(&list(&gatekeeper, None), "nextCursor"),
            key_ids(&gatekeeper),
        )
    };
    {
        let gatekeeper = open(&database, Some(SECOND), Some(FIRST));
        assert!(is_accepted(&gatekeeper, &access));
        assert_eq!(key_ids(&gatekeeper), keys);
        assert_eq!(list(&gatekeeper, Some(&cursor))["items"].as_array().unwrap().len(), 1);
        // A client that lost the response before the change gets the same new token after it.
        let again =
            call(&gatekeeper.anonymous(), "auth.refresh", &json!({ "refreshToken": refresh })).unwrap();
        assert_eq!(text(&again, "refreshToken"), successor);
        assert_eq!(gatekeeper.take_warning(), None);
        let sealed = gatekeeper.inspect().unwrap().sealed.unwrap();
        assert_eq!((sealed.unopened, sealed.with_previous), (0, 0));
    }
    let gatekeeper = open(&database, Some(SECOND), None);
    assert!(is_accepted(&gatekeeper, &access));
    assert_eq!(key_ids(&gatekeeper), keys);
}

#[test]
fn a_secret_file_made_for_a_database_with_encrypted_keys_causes_a_warning_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let file = folder.path().join("gatekeeper.db-secret");
    let access = {
        let gatekeeper = open(&database, None, None);
        let access = User::sign_up(&gatekeeper, "a@example.com").access_token;
        let warning = gatekeeper.take_warning().unwrap();
        assert!(warning.contains("created a secret") && !warning.contains("lost"), "{warning}");
        access
    };
    let lost = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    {
        let gatekeeper = open(&database, None, None);
        assert!(log_in(&gatekeeper).is_ok() && !is_accepted(&gatekeeper, &access));
        let warning = gatekeeper.take_warning().unwrap();
        let parts = ["was missing", "sealed with the lost secret: 1", "GATEKEEPER_SECRET_PREVIOUS"];
        assert!(parts.iter().all(|part| warning.contains(part)), "{warning}");
        assert!(gatekeeper.take_warning().unwrap().contains("cannot be opened"));
    }
    // The advice works.
    let gatekeeper = open(&database, None, Some(&lost));
    assert!(is_accepted(&gatekeeper, &access));
}

#[test]
fn one_process_does_not_open_a_database_with_two_previous_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let _gatekeeper = open(&database, Some(SECOND), Some(FIRST));
    let mut options = Options::default();
    options.secret = Some(Secret::new(SECOND));
    options.previous_secret = Some(Secret::new("a third secret, as long"));
    let error = Gatekeeper::open_with(database.to_str().unwrap(), options).unwrap_err();
    assert_eq!((error.status(), error.message().starts_with("previousSecret:")), (400, true));
}

/// Another process that uses the database, until it is dropped.
struct Other(Child);

impl Other {
    fn start(database: &Path, secret: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-out"));
        command.arg(database).env_remove("GATEKEEPER_SECRET").stdout(Stdio::piped());
        if let Some(secret) = secret {
            command.env("GATEKEEPER_SECRET", secret);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
            .unwrap();
        assert!(!line.is_empty());
        Self(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_second_process_with_another_secret_is_rejected_while_the_first_runs() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let other = Other::start(&database, Some(FIRST));
    for secret in [Some(SECOND), None] {
        let gatekeeper = open(&database, secret, None);
        for error in [gatekeeper.check_ready().unwrap_err(), gatekeeper.jwks().unwrap_err()] {
            assert_eq!(error.status(), 503);
            assert!(error.message().contains("processes with another secret"), "{error}");
        }
        // Keys do not depend on the secret.
        assert!(call(&gatekeeper, "keys.list", &json!({ "tenantId": Gatekeeper::DEFAULT_TENANT })).is_ok());
        drop(gatekeeper);
    }
    assert!(!folder.path().join("gatekeeper.db-secret").exists());
    assert!(open(&database, Some(FIRST), None).check_ready().is_ok());
    drop(other);
    let gatekeeper = open(&database, Some(SECOND), None);
    assert!(gatekeeper.check_ready().is_ok());
}
