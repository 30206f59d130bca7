//! The options of a client for a server.

use std::time::Duration;

use gatekeeper::auth::Me;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Clock, Endpoints, KeyImports, ManualClock, Options, Secret};

use crate::fake::{Act, Fake, failure};

fn rejection(url: &str, change: impl FnOnce(&mut Options)) -> String {
    let mut options = Options::default();
    change(&mut options);
    Gatekeeper::open_with(url, options).err().map(|error| error.message().to_owned()).unwrap_or_default()
}

#[test]
fn options_that_a_server_sets_itself_are_rejected_by_name() {
    let url = "http://localhost:8787";
    let limit = r#"{"GET": {"default": {"maxReq": 1, "duration": 1}}}"#;
    assert!(
        rejection(url, |options| options.clock = Clock::Manual(ManualClock::new())).starts_with("clock:")
    );
    assert!(
        rejection(url, |options| options.secret = Some(Secret::new("canary canary canary")))
            .starts_with("secret: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.issuer = "me".into())
            .starts_with("issuer: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.audience = "me".into())
            .starts_with("audience: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.refresh_grace = Duration::ZERO)
            .starts_with("refreshGraceMs: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.usage_retention_days = Some(1))
            .starts_with("usageRetentionDays: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.session_days = 1)
            .starts_with("sessionDays: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.sessions_per_user = 1)
            .starts_with("sessionsPerUser: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.signups_per_minute = 1)
            .starts_with("signupsPerMinute: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.refreshes_per_minute = 1)
            .starts_with("refreshesPerMinute: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.wrong_keys_per_minute = 1)
            .starts_with("wrongKeysPerMinute: only available with an embedded database")
    );
    let members = |options: &mut Options| options.key_imports = KeyImports::Members;
    assert!(rejection(url, members).starts_with("keyImports: only available with an embedded database"));
    let two = |options: &mut Options| options.import_suffixes_per_tenant = 1;
    assert!(
        rejection(url, two).starts_with("importSuffixesPerTenant: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.import_suffixes = 9)
            .starts_with("importSuffixes: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.wrong_passwords_per_minute = 1)
            .starts_with("wrongPasswordsPerMinute: only available with an embedded database")
    );
    assert!(
        rejection(url, |options| options.endpoints = Endpoints::from_json(limit).unwrap())
            .starts_with("endpoints: only available with an embedded database")
    );
    assert_eq!(rejection(url, |options| options.cache_keys = 0), "");
}

#[test]
fn a_client_of_a_server_is_never_the_operator() {
    let gatekeeper = Gatekeeper::open("https://example.com/gatekeeper").unwrap();
    assert!(gatekeeper.is_remote());
    for error in [gatekeeper.operator().err().unwrap(), gatekeeper.create_root_key("Acme Inc").unwrap_err()] {
        assert_eq!(error.status(), 400);
        assert!(error.message().contains("is only available with an embedded database"), "{error}");
    }
    assert!(!Gatekeeper::open("memory:").unwrap().is_remote());
}

#[test]
fn the_options_for_http_are_checked_on_every_backend() {
    for url in ["memory:", "http://localhost:8787"] {
        for (json, expected) in [
            (r#"{"timeout": 0}"#, "timeout must be more than 0"),
            (r#"{"timeout": -1}"#, "timeout must be more than 0"),
            (r#"{"timeout": 1e300}"#, "timeout must be more than 0"),
            (r#"{"timeout": "canary"}"#, "timeout must be"),
            (r#"{"maxRetries": 11}"#, "maxRetries must be a whole number from 0 to 10"),
            (r#"{"maxRetries": -1}"#, "maxRetries must be a whole number"),
            (r#"{"defaultHeaders": {"a b": "canary"}}"#, "defaultHeaders: each name"),
            (r#"{"defaultHeaders": {"a": "canary\n"}}"#, "defaultHeaders.a must be"),
            (r#"{"defaultHeaders": {"a": 1}}"#, "defaultHeaders.a must be a string"),
            (
                r#"{"defaultHeaders": {"Authorization": "canary"}}"#,
                "defaultHeaders.Authorization is set by the client",
            ),
            (
                r#"{"defaultHeaders": {"Content-Length": "7"}}"#,
                "defaultHeaders.Content-Length is set by the client",
            ),
            (r#"{"userAgent": "\u00e9"}"#, "userAgent must be a string of printable ASCII"),
        ] {
            let opened = Options::from_json(json).and_then(|options| Gatekeeper::open_with(url, options));
            let message = opened.err().map(|error| error.message().to_owned()).unwrap();
            assert!(message.starts_with(expected) && !message.contains("canary"), "{json}: {message}");
        }
    }
    assert!(rejection("memory:", |options| options.timeout = Duration::ZERO).starts_with("timeout"));
}

#[test]
fn a_request_has_the_headers_of_the_options() {
    let fake = Fake::new(vec![Act::Respond(failure("401 Unauthorized", &[], "unauthorized"))]);
    let json = r#"{"defaultHeaders": {"X-Edge": "seven"}, "userAgent": "acme/1", "timeout": 1500.5}"#;
    let options = Options::from_json(json).unwrap();
    assert_eq!(options.timeout, Duration::from_micros(1_500_500));
    Gatekeeper::open_with(&format!("{}/gate/", fake.url), options).unwrap().call(Me {}).unwrap_err();
    Gatekeeper::open(&fake.url).unwrap().call(Me {}).unwrap_err();
    let [custom, default] = <[String; 2]>::try_from(fake.requests()).unwrap();
    assert!(custom.starts_with("GET /gate/v1/auth/me HTTP/1.1\r\n"), "{custom}");
    assert!(custom.contains("x-edge: seven\r\n") && custom.contains("user-agent: acme/1\r\n"), "{custom}");
    assert!(!custom.to_ascii_lowercase().contains("authorization"), "{custom}");
    assert!(
        default.contains(&format!("user-agent: gatekeeper/{}\r\n", env!("CARGO_PKG_VERSION"))),
        "{default}"
    );
}
