//! The cost of one verification in memory, compared with one SHA-256 of the same key.
//!
//! `GATEKEEPER_BENCH_KEYS` sets the number of keys of the random case; 1,000,000 by default.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark; criterion's macros make undocumented items"
)]

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use criterion::{Criterion, criterion_group, criterion_main};
use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoints, VerifyOptions};

const ENDPOINTS: &str = r#"{"GET_TASKS": {
    "default": {"maxReq": 10, "duration": 60000},
    "roles": {"PRO": {"maxReq": 4000000000, "duration": 60000}}
}}"#;

fn verifier(gatekeeper: &Gatekeeper) -> Verifier {
    gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap()
}

fn new_key(gatekeeper: &Gatekeeper) -> String {
    let roles = vec!["PRO".to_owned(), "TEAM".to_owned()];
    let created = gatekeeper.call(CreateKey { roles, ..CreateKey::new("gk_live") }).unwrap();
    created.api_key.expose().to_owned()
}

/// A key with the same roles and with scopes.
fn new_scoped_key(gatekeeper: &Gatekeeper) -> String {
    let request = serde_json::json!({
        "tenantId": Gatekeeper::DEFAULT_TENANT, "name": "bench", "roles": ["PRO", "TEAM"], "scopes": ["read", "write"],
    });
    let created = gatekeeper.call_json("keys.create", &request.to_string()).unwrap();
    let created: serde_json::Value = serde_json::from_str(&created).unwrap();
    created["plainTextKey"].as_str().unwrap().to_owned()
}

#[allow(clippy::disallowed_methods, reason = "the bare reference")]
fn hot(criterion: &mut Criterion) {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let verifier = verifier(&gatekeeper);
    let key = new_key(&gatekeeper);
    let malformed = format!("{}1", &key[..key.len() - 1]);
    let mut group = criterion.benchmark_group("memory");
    group.bench_function("sha256", |bench| bench.iter(|| digest(&SHA256, black_box(key.as_bytes()))));
    group.bench_function("hot", |bench| {
        bench.iter(|| assert!(verifier.verify(black_box(&key), "GET_TASKS", &["task_id"]).unwrap().ok()));
    });
    let (scoped, options) = (new_scoped_key(&gatekeeper), VerifyOptions::default().scopes(&["read"]));
    group.bench_function("scope", |bench| {
        bench.iter(|| {
            let key = black_box(&scoped);
            assert!(verifier.verify_with(key, "GET_TASKS", &["task_id"], &options).unwrap().ok());
        });
    });
    group.bench_function("validate", |bench| {
        bench.iter(|| assert!(gatekeeper.validate(black_box(&key)).is_ok()));
    });
    group.bench_function("malformed", |bench| {
        bench.iter(|| {
            assert!(!verifier.verify(black_box(&malformed), "GET_TASKS", &["task_id"]).unwrap().ok());
        });
    });
}

fn random(criterion: &mut Criterion) {
    let count = std::env::var("GATEKEEPER_BENCH_KEYS").map_or(1_000_000, |count| count.parse().unwrap());
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let verifier = verifier(&gatekeeper);
    let keys: Vec<_> = (0..count).map(|_| new_key(&gatekeeper)).collect();
    for key in &keys {
        assert!(verifier.verify(key, "GET_TASKS", &["task_id"]).unwrap().ok());
    }
    // In an order far from that of creation. The texts are read in order, as they would arrive from a socket.
    let step = (count * 5 / 8) | 1;
    let keys: String = (0..count).map(|index| keys[index * step % count].as_str()).collect();
    let length = keys.len() / count;
    let mut index = 0;
    criterion.benchmark_group("memory").bench_function("random", |bench| {
        bench.iter(|| {
            index = (index + 1) % count;
            let key = &keys[index * length..][..length];
            assert!(verifier.verify(black_box(key), "GET_TASKS", &["task_id"]).unwrap().ok());
        });
    });
}

criterion_group! {
    name = verify;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = hot, random
}
criterion_main!(verify);
