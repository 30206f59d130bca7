//! Secrets: where they are stored, and that they appear nowhere else.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use gatekeeper::auth::{ChangePassword, Login, Refresh, Signup};
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Options, Secret};
use gatekeeper_tests::{User, call, text};
use serde_json::json;

const FIRST: &str = "the first secret, as long";

fn open(path: &Path, secret: Option<&str>) -> Gatekeeper {
    let mut options = Options::default();
    options.secret = secret.map(Secret::new);
    Gatekeeper::open_with(path.to_str().unwrap(), options).unwrap()
}

#[test]
fn without_a_secret_a_secret_file_is_created_for_the_owner_only_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let token = {
        let gatekeeper = open(&database, None);
        User::sign_up(&gatekeeper, "a@example.com").access_token
    };
    let secret = folder.path().join("gatekeeper.db-secret");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read_to_string(&secret).unwrap();
    assert!(before.len() >= 43);
    let gatekeeper = open(&database, None);
    assert!(call(&gatekeeper.with_token(&Secret::new(token)), "auth.me", &json!({})).is_ok());
    assert_eq!(fs::read_to_string(&secret).unwrap(), before);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|descriptor| descriptor.unwrap().file_name()).collect();
    assert_eq!(names.iter().filter(|name| name.to_string_lossy().contains("secret")).count(), 1);
}

#[test]
fn with_a_secret_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    drop(User::sign_up(&open(&database, Some(FIRST)), "a@example.com"));
    assert!(!folder.path().join("gatekeeper.db-secret").exists());
}

#[test]
fn a_secret_that_is_too_short_is_rejected_when_the_client_is_made() {
    let mut options = Options::default();
    options.secret = Some(Secret::new("canary"));
    let error = Gatekeeper::open_with("memory:", options).unwrap_err();
    assert_eq!(error.status(), 400);
    assert!(!error.message().contains("canary"));
}

#[test]
fn a_process_does_not_open_one_database_with_two_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    // A client without the option uses the secret of the other.
    let _first = open(&database, None);
    let second = open(&database, Some("0123456789abcdef"));
    let _user = User::sign_up(&second, "a@example.com");
    assert!(!folder.path().join("gatekeeper.db-secret").exists());
    let mut options = Options::default();
    options.secret = Some(Secret::new("another secret, as long"));
    assert_eq!(Gatekeeper::open_with(database.to_str().unwrap(), options).unwrap_err().status(), 400);
}

#[test]
fn revoked_tokens_stay_revoked_when_the_database_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let (access, refresh) = {
        let user = User::sign_up(&open(&database, None), "a@example.com");
        user.call("auth.logout", &json!({})).unwrap();
        (user.access_token, user.refresh_token)
    };
    let gatekeeper = open(&database, None);
    assert!(call(&gatekeeper.with_token(&Secret::new(access)), "auth.me", &json!({})).is_err());
    assert!(call(&gatekeeper.anonymous(), "auth.refresh", &json!({ "refreshToken": refresh })).is_err());
}

/// The log at every level while `run` runs on this thread.
fn logged(run: impl FnOnce()) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&lines);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || Lines(Arc::clone(&to)))
        .finish();
    let _until_the_end = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    run();
    String::from_utf8(lines.lock().unwrap().clone()).unwrap()
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_at_every_level_names_the_database_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let mut secrets = vec!["correct horse".to_owned()];
    let lines = logged(|| {
        let gatekeeper = open(&database, None);
        let user = User::sign_up(&gatekeeper, "a@example.com");
        let tenant = user.new_tenant("acme");
        let key = user.call("keys.create", &json!({ "tenantId": tenant, "name": "k" })).unwrap();
        let root = gatekeeper.create_root_key("root").unwrap();
        secrets.extend([user.access_token.clone(), user.refresh_token.clone()]);
        secrets.extend([text(&key, "plainTextKey"), root.key.expose().to_owned()]);
        let _ = call(&gatekeeper.with_token(&Secret::new("canary.canary.canary")), "auth.me", &json!({}));
    });
    secrets.push(fs::read_to_string(folder.path().join("gatekeeper.db-secret")).unwrap());
    secrets.push("canary".to_owned());
    assert!(lines.contains("GATEKEEPER_SECRET is not set"), "{lines}");
    for secret in secrets {
        assert!(!lines.contains(&secret), "{lines}");
    }
}

#[test]
fn revoked_tokens_stay_revoked_when_the_process_is_killed_right_after() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    for _ in 0..10 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_log-out"))
            .arg(&database)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut tokens = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut tokens).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let (access, refresh) = tokens.trim().split_once(' ').unwrap();
        let gatekeeper = open(&database, None);
        assert!(call(&gatekeeper.with_token(&Secret::new(access)), "auth.me", &json!({})).is_err());
        assert!(call(&gatekeeper.anonymous(), "auth.refresh", &json!({ "refreshToken": refresh })).is_err());
    }
}

#[test]
fn passwords_and_tokens_are_in_no_file_and_no_error_and_no_debug_text() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gatekeeper.db");
    let password = "canary horse battery";
    let mut secrets = vec![password.to_owned()];
    let mut shown = String::new();
    {
        let gatekeeper = open(&database, Some("canary secret of a test"));
        secrets.push("canary secret".to_owned());
        let anyone = gatekeeper.anonymous();
        let signup = json!({ "email": "a@example.com", "password": password });
        let first = call(&anyone, "auth.signup", &signup).unwrap();
        let second =
            call(&anyone, "auth.refresh", &json!({ "refreshToken": text(&first, "refreshToken") })).unwrap();
        for tokens in [&first, &second] {
            secrets.extend([text(tokens, "accessToken"), text(tokens, "refreshToken")]);
        }
        for error in [
            call(&anyone, "auth.signup", &signup).unwrap_err(),
            call(&anyone, "auth.login", &json!({ "email": "b@example.com", "password": password }))
                .unwrap_err(),
            call(&anyone, "auth.login", &json!({ "email": "b@example.com", "pasword": password }))
                .unwrap_err(),
            call(&gatekeeper.with_token(&Secret::new(password)), "auth.me", &json!({})).unwrap_err(),
        ] {
            write!(shown, "{error} {error:?}").unwrap();
        }
        let secret = || Secret::new(password);
        write!(shown, "{:?}", Signup { email: String::new(), password: secret(), name: None }).unwrap();
        write!(shown, "{:?}", Login { email: String::new(), password: secret() }).unwrap();
        write!(shown, "{:?}", ChangePassword { current_password: secret(), new_password: secret() }).unwrap();
        write!(shown, "{:?}", Refresh { refresh_token: secret() }).unwrap();
        write!(shown, "{gatekeeper:?} {:?}", gatekeeper.with_token(&secret())).unwrap();
    }
    let files: Vec<Vec<u8>> = walk(folder.path()).iter().map(|file| fs::read(file).unwrap()).collect();
    for secret in secrets {
        assert!(!shown.contains(&secret));
        for file in &files {
            assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|descriptor| descriptor.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
