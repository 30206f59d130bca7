//! The cost of one verification in a database file as one parameter grows.

mod parallel;
mod shape;

use std::path::Path;

use gatekeeper::Options;
use gatekeeper::blocking::{Gatekeeper, Verifier};
use serde_json::{Value, json};

use crate::Result;
use crate::fill::fill;
use crate::shuffle::shuffle;
use crate::subject::{ENDPOINT, PLENTY, endpoints};
use crate::time::median_ns;

pub use parallel::{CHILD, child, processes, threads};
pub use shape::{max_req, roles, variables};

const VARIABLES: [&str; 1] = ["task_id"];

/// 1,000 keys to `most`, each cached, in an order far from that of creation.
pub fn keys(folder: &Path, seconds: f64, most: usize) -> Result<Value> {
    let mut points = Vec::new();
    let mut count = 1000;
    while count <= most {
        let path = folder.join(format!("keys-{count}.db"));
        let mut keys = fill(&path, count)?;
        let verifier = open(&path, count)?;
        keys.iter().try_for_each(|key| verify(&verifier, key))?;
        shuffle(&mut keys);
        // The keys are read in order, as they would arrive from a socket.
        let keys: Vec<String> = keys.iter().map(String::clone).collect();
        points.push((count, in_turn(&verifier, &keys, seconds)?));
        count *= 10;
    }
    Ok(json!({ "title": "keys", "points": points }))
}

/// A verifier whose cache holds this many keys.
fn open(path: &Path, keys: usize) -> Result<Verifier> {
    let mut options = Options::default();
    options.cache_keys = options.cache_keys.max(keys);
    let gatekeeper = Gatekeeper::open_with(&format!("sqlite:{}", path.display()), options)?;
    Ok(gatekeeper.verifier(endpoints(PLENTY)?)?)
}

fn verify(verifier: &Verifier, key: &str) -> Result<()> {
    if verifier.verify(key, ENDPOINT, &VARIABLES)?.ok() { Ok(()) } else { Err("a call was rejected".into()) }
}

/// The nanoseconds of one verification, one key after another.
fn in_turn(verifier: &Verifier, keys: &[String], seconds: f64) -> Result<f64> {
    let mut next = keys.iter().cycle();
    median_ns(seconds, |_, calls| next.by_ref().take(calls).try_for_each(|key| verify(verifier, key)))
}
