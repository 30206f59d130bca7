//! Servers that close the connection, hang, send too much, or are not Gatekeeper.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use gatekeeper::auth::{Me, Refresh};
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{ErrorKind, GatekeeperError, Options, Secret};

use crate::fake::{Act, Fake, data, failure, http};

fn me(fake: &Fake) -> GatekeeperError {
    fake.client().call(Me {}).unwrap_err()
}

#[test]
fn a_refused_connection_is_an_error_that_names_the_server() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Gatekeeper::open(&format!("http://{free}")).unwrap().call(Me {}).unwrap_err();
    assert_eq!(
        (error.code(), error.status(), error.kind()),
        ("connection_error", 0, ErrorKind::ConnectionFailed)
    );
    assert!(error.message().contains(&format!("no connection to http://{free}")), "{error}");
    let error = Gatekeeper::open("http://no-such-host.invalid").unwrap().call(Me {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
}

#[test]
fn a_connection_that_ends_early_is_an_error_and_never_a_partial_result() {
    let half = data(r#"{"id":"usr_00000000000000000000000000"}"#);
    for act in [
        Act::Close,
        Act::SayAndClose("HTTP/1.1 200 OK\r\ncontent-le".to_owned()),
        Act::SayAndClose(half[..half.len() - 5].to_owned()),
        Act::SayAndClose("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"ok\"".to_owned()),
        Act::SayAndClose("nonsense\r\n\r\n".to_owned()),
    ] {
        let error = me(&Fake::new(vec![act]));
        assert_eq!(error.kind(), ErrorKind::ConnectionFailed, "{error}");
        assert!(error.message().contains("may have been carried out"), "{error}");
    }
}

#[test]
fn a_call_to_a_server_that_hangs_ends_at_its_timeout() {
    let fake = Fake::new(vec![Act::Hang]);
    let client = fake.client_with(|options| options.timeout = Duration::from_millis(150));
    let began = Instant::now();
    let error = client.call(Me {}).unwrap_err();
    assert_eq!((error.code(), error.status()), ("timeout", 0));
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(error.message().contains("within 150 ms"), "{error}");

    // The response starts and does not end.
    let slow = Fake::new(vec![Act::Respond("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_owned())]);
    let client = slow.client_with(|options| options.timeout = Duration::from_millis(150));
    assert_eq!(client.call(Me {}).unwrap_err().code(), "timeout");
}

#[test]
fn the_error_of_a_response_that_is_not_gatekeepers_says_so() {
    let page = "<html>canary</html>";
    for (status, kind) in [
        ("502 Bad Gateway", ErrorKind::Unavailable),
        ("504 Gateway Timeout", ErrorKind::Unavailable),
        ("500 Oops", ErrorKind::Unavailable),
        ("404 Not Found", ErrorKind::Unavailable),
        ("401 Unauthorized", ErrorKind::Unavailable),
        ("200 OK", ErrorKind::Unavailable),
        ("429 Too Many Requests", ErrorKind::RateLimited),
        ("413 Content Too Large", ErrorKind::PayloadTooLarge),
    ] {
        let answer = http(status, &["content-type: text/html; charset=utf-8", "x-request-id: edge-7"], page);
        let fake = Fake::new(vec![Act::Respond(answer)]);
        let error = fake.client_with(|options| options.max_retries = 0).call(Me {}).unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        let expected = format!("HTTP {} (text/html), which is not a response of Gatekeeper", &status[..3]);
        assert!(error.message().contains(&expected) && !error.message().contains("canary"), "{error}");
        assert_eq!(error.request_id(), Some("edge-7"));
    }
    for json in ["{}", "[]", "null", r#"{"ok":true,"data":{}}"#, r#"{"ok":false}"#, r#"{"ok":true}"#] {
        let error = me(&Fake::new(vec![Act::Respond(http("200 OK", &[], json))]));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{json}");
    }
}

#[test]
fn an_error_of_the_server_is_the_same_error_in_the_client() {
    let fake =
        Fake::new(vec![Act::Respond(failure("402 Payment Required", &["retry-after: 7"], "plan_limit"))]);
    let error = me(&fake);
    assert_eq!((error.kind(), error.message(), error.retry_after()), (ErrorKind::PlanLimit, "no", Some(7)));
    assert_eq!((error.request_id(), error.details().unwrap()["a"].as_i64()), (Some("req_7"), Some(1)));
    let newer = Fake::new(vec![Act::Respond(failure("422 Unprocessable", &[], "of_a_newer_version"))]);
    assert_eq!(me(&newer).kind(), ErrorKind::BadRequest);
}

#[test]
fn the_key_managers_failures_have_its_shape_and_their_code() {
    let gatekeeper = |status: &str, error: &str| {
        let body = format!(r#"{{"success":false,"error":"{error}","reason":"no"}}"#);
        let fake = Fake::new(vec![Act::Respond(http(status, &["x-request-id: req_7"], &body))]);
        let error = fake.client().call(CreateKey::new("user")).unwrap_err();
        assert_eq!((error.message(), error.request_id()), ("no", Some("req_7")));
        error.kind()
    };
    assert_eq!(gatekeeper("503 Service Unavailable", "serviceUnavailable"), ErrorKind::Unavailable);
    assert_eq!(gatekeeper("413 Too Large", "payloadTooLarge"), ErrorKind::PayloadTooLarge);
    assert_eq!(gatekeeper("401 Unauthorized", "invalidAPIToken"), ErrorKind::CredentialInvalid);
    assert_eq!(gatekeeper("400 Bad Request", "invalidId"), ErrorKind::InvalidId);
    assert_eq!(gatekeeper("418 Teapot", "ofANewerVersion"), ErrorKind::BadRequest);
}

#[test]
fn an_endless_response_is_read_only_up_to_a_bound() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40),
    ] {
        let fake = Fake::new(vec![Act::Flood(head)]);
        let client = fake.client_with(|options| options.timeout = Duration::from_secs(60));
        let error = client.call(Me {}).unwrap_err();
        assert!(error.message().contains("longer than 64 MiB"), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed_and_no_credential_goes_with_it() {
    let elsewhere = Fake::new(vec![Act::Close]);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let location = format!("location: {}/v1/auth/me", elsewhere.url);
        let error = me(&Fake::new(vec![Act::Respond(http(status, &[&location], ""))]));
        assert!(error.message().contains("redirects are not followed"), "{error}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_secret_is_in_no_error_and_in_no_debug_output() {
    let fake = Fake::new(vec![Act::Close]);
    let mut options = Options::default();
    options.default_headers = vec![("x-edge".to_owned(), Secret::new("canary"))];
    let shown = format!("{options:?}");
    let client = Gatekeeper::open_with(&fake.url, options).unwrap().with_token(&Secret::new("canary"));
    let error = client.call(Refresh { refresh_token: Secret::new("canary") }).unwrap_err();
    for shown in [shown, format!("{client:?}"), format!("{error:?} {error}")] {
        assert!(!shown.contains("canary"), "{shown}");
    }
    let request = fake.requests().concat();
    assert!(request.contains("authorization: Bearer canary") && request.contains("x-edge: canary"));
}
