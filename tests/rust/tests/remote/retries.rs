//! Which requests are retried, and which never are.

use std::time::{Duration, Instant};

use gatekeeper::auth::{Me, Refresh};
use gatekeeper::keys::{ValidateApiKey, VerifyApiKey};
use gatekeeper::usage::{RecordUsage, UsageInput};
use gatekeeper::{ErrorKind, Secret};

use crate::fake::{Act, Fake, data, failure};

const USER: &str = r#"{"id":"usr_00000000000000000000000000","email":"a@b.c","emailVerified":false,"name":null,"createdAt":1}"#;
const EVENT: &str = r#"{"id":"evt_00000000000000000000000000","tenantId":"tnt_00000000000000000000000000","apiKeyId":null,"service":"s","action":"a","quantity":1,"metadata":null,"idempotencyKey":null,"createdAt":1}"#;
const NOT_RUN: &str = "X-Gatekeeper-Not-Run: true";

fn busy(headers: &[&str]) -> Act {
    Act::Respond(failure("503 Service Unavailable", headers, "service_unavailable"))
}

fn usage() -> RecordUsage {
    RecordUsage(UsageInput::new("tnt_00000000000000000000000000".parse().unwrap(), "s", "a"))
}

fn refresh() -> Refresh {
    Refresh { refresh_token: Secret::new("canary") }
}

#[test]
fn a_read_is_retried_after_a_connection_error_429_and_503() {
    let limited = Act::Respond(failure("429 Too Many Requests", &[], "rate_limited"));
    let gateway = Act::Respond(crate::fake::http("502 Bad Gateway", &[], "<html>"));
    for first in [Act::Close, limited, busy(&[]), gateway] {
        let fake = Fake::new(vec![first, Act::Respond(data(USER))]);
        assert_eq!(fake.client().call(Me {}).unwrap().email, "a@b.c");
        assert_eq!(fake.requests().len(), 2);
    }
    for final_answer in ["400 Bad Request", "500 Oops"] {
        let fake = Fake::new(vec![Act::Respond(failure(final_answer, &[], "bad_request"))]);
        fake.client().call(Me {}).unwrap_err();
        assert_eq!(fake.requests().len(), 1);
    }
}

#[test]
fn a_read_is_retried_as_often_as_configured() {
    for retries in [0, 1, 3] {
        let fake = Fake::new(vec![busy(&[])]);
        let error = fake.client_with(|options| options.max_retries = retries).call(Me {}).unwrap_err();
        assert_eq!((error.status(), fake.requests().len()), (503, retries as usize + 1));
    }
}

#[test]
fn a_write_and_a_verification_are_retried_only_if_they_did_not_run() {
    for act in [Act::Close, busy(&[]), Act::Respond(failure("429 Too Many", &[], "rate_limited"))] {
        let fake = Fake::new(vec![act]);
        let client = fake.client();
        client.call(refresh()).unwrap_err();
        client.call(VerifyApiKey::new(Secret::new("k"), "GET")).unwrap_err();
        client.call(ValidateApiKey { key: Secret::new("k") }).unwrap_err();
        assert_eq!(fake.requests().len(), 3);
    }
    let fake =
        Fake::new(vec![busy(&[NOT_RUN]), Act::Respond(failure("401 Unauthorized", &[], "unauthorized"))]);
    assert_eq!(fake.client().call(refresh()).unwrap_err().status(), 401);
    assert_eq!(fake.requests().len(), 2);
}

#[test]
fn usage_is_retried_under_one_idempotency_key_that_the_caller_does_not_see() {
    let fake = Fake::new(vec![Act::Close, busy(&[]), Act::Respond(data(EVENT))]);
    assert_eq!(fake.client().call(usage()).unwrap().idempotency_key, None);
    let keys: Vec<_> = fake
        .requests()
        .iter()
        .map(|request| request.split("\"idempotencyKey\":\"").nth(1).unwrap()[..22].to_owned())
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]));

    let given = Fake::new(vec![
        Act::Close,
        Act::Respond(data(&EVENT.replace("Key\":null,\"cr", "Key\":\"mine\",\"cr"))),
    ]);
    let mut mine = usage();
    mine.0.idempotency_key = Some("mine".to_owned());
    assert_eq!(given.client().call(mine).unwrap().idempotency_key.as_deref(), Some("mine"));
}

#[test]
fn retry_after_is_honoured_within_the_timeout() {
    let fake = Fake::new(vec![busy(&["Retry-After: 1"]), Act::Respond(data(USER))]);
    let began = Instant::now();
    fake.client().call(Me {}).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));

    for wait in [
        "60",
        "Thu, 31 Dec 2099 23:59:59 GMT",
        "Saturday, 31-Dec-67 23:59:59 GMT",
        "Thu Dec 31 23:59:59 2099",
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "99999999999999999999999999999999999999999",
        "0\r\nRetry-After: 60",
    ] {
        let fake = Fake::new(vec![busy(&[&format!("Retry-After: {wait}")])]);
        let began = Instant::now();
        let error = fake.client().call(Me {}).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(1) && fake.requests().len() == 1, "{wait}");
        assert!(error.kind() == ErrorKind::Unavailable && error.retry_after() >= Some(60), "{wait}");
    }
    for past in ["Sun, 06 Nov 1994 08:49:37 GMT", "nonsense", "-1"] {
        let fake = Fake::new(vec![busy(&[&format!("Retry-After: {past}")]), Act::Respond(data(USER))]);
        assert!(fake.client().call(Me {}).is_ok(), "{past}");
    }
}

#[test]
fn all_attempts_share_the_timeout_of_the_call() {
    let fake = Fake::new(vec![Act::Close]);
    let client = fake.client_with(|options| {
        options.timeout = Duration::from_millis(300);
        options.max_retries = 10;
    });
    let began = Instant::now();
    let error = client.call(Me {}).unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(1500), "{error}");
    assert!(fake.requests().len() >= 2);
}

#[test]
fn a_write_is_retried_if_nothing_was_sent() {
    // The port is free at first, and a server binds it while the client waits to retry.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        let listener = std::net::TcpListener::bind(free).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap();
        std::io::Write::write_all(&mut stream, failure("401 Unauthorized", &[], "unauthorized").as_bytes())
            .unwrap();
    });
    let mut options = gatekeeper::Options::default();
    options.max_retries = 10;
    let client = gatekeeper::blocking::Gatekeeper::open_with(&format!("http://{free}"), options).unwrap();
    assert_eq!(client.call(refresh()).unwrap_err().status(), 401);
    server.join().unwrap();
}
