use std::env;
use std::fs;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::Poll;

use super::Verifier;
use crate::backend::AnyVerifier;
use crate::blocking::Gatekeeper;
use crate::counters::Counters;
use crate::counters::replying::ReplyingCounters;
use crate::operation::CreateKey;
use crate::verify::{CacheSizes, Credential, EmbeddedVerifier, Engine, Verdict};
use crate::{Clock, Endpoints, Result};

const CALLS: usize = 1000;
const ENDPOINTS: &str = r#"{"GET": {"default": {"maxReq": 601, "duration": 3600000}}}"#;
const CHILD: &str = "GATEKEEPER_TEST_IN_CHILD";

/// A verifier whose counters reply 5 ms later, and a key.
fn distant_verifier() -> (Verifier, String) {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let key = gatekeeper.call(CreateKey::new("user")).unwrap().api_key.expose().to_owned();
    let database = Arc::clone(gatekeeper.embedded("test").unwrap().database());
    let counters = Counters::Replying(ReplyingCounters::new());
    let sizes = CacheSizes { known: 10, unknown: 10 };
    let store = Arc::clone(database.store());
    let engine = Engine::with_counters(store, counters, Clock::System, &sizes).unwrap();
    let endpoints = Endpoints::from_json(ENDPOINTS).unwrap();
    let verifier = EmbeddedVerifier::new(engine, Arc::new(Credential::Operator), endpoints);
    (Verifier::new(AnyVerifier::Embedded(verifier, database)), key)
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_verifications_that_await_counters_wait_on_no_thread() {
    if env::var_os(CHILD).is_none() {
        // In a process of its own, whose threads can be counted.
        let (_, module) = module_path!().split_once("::").unwrap();
        let name = format!("{module}::a_thousand_verifications_that_await_counters_wait_on_no_thread");
        let child =
            Command::new(env::current_exe().unwrap()).args([&name, "--exact"]).env(CHILD, "1").output();
        let child = child.unwrap();
        let out = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && out.contains("1 passed"), "{out}");
        return;
    }
    let (verifier, key) = distant_verifier();
    let verify = || verifier.verify::<&str>(&key, "GET", &[]);
    // The record is looked up on a thread of the pool, and cached; the counters are awaited.
    assert!(crate::blocking::wait(verify()).unwrap().ok());

    let before = threads();
    let mut most = before;
    let mut admitted = 0;
    let mut calls: Vec<Pin<Box<dyn Future<Output = Result<Verdict>> + '_>>> =
        (0..CALLS).map(|_| Box::pin(verify()) as _).collect();
    crate::blocking::wait(poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(verdict) => {
                admitted += usize::from(verdict.unwrap().ok());
                false
            }
        });
        most = most.max(threads());
        if calls.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(admitted, 600);
    assert!(most <= before + 1, "{most} threads, {before} before");
}

#[test]
fn a_blocking_call_waits_for_counters_that_reply_later() {
    let (verifier, key) = distant_verifier();
    for _ in 0..3 {
        let options = crate::VerifyOptions::default();
        let started = verifier.0.start::<&str>(&key, "GET".into(), &[], &options).unwrap();
        let crate::backend::Started::Pending(rest) = started else { panic!("the counters reply later") };
        assert!(crate::blocking::wait(rest.finish()).unwrap().ok());
    }
}
