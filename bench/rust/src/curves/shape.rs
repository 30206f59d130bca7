//! The parameters of one verification: its limit, the roles of its key and the number of its variables.

use std::path::Path;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoint, Endpoints, Limit};
use serde_json::{Value, json};

use crate::Result;
use crate::subject::{ENDPOINT, PLENTY, WINDOW_MS, endpoints};
use crate::time::{median_ns, now, ns_since};

const COUNTS: [usize; 5] = [0, 1, 10, 100, 1000];
/// The calls to measure each limit with; more if the limit is higher, to use it up once.
const CALLS: u32 = 100_000;

/// Limits of 1 to 1,000,000: the mean of all calls that fill a window from empty to full.
pub fn max_req(folder: &Path) -> Result<Value> {
    let gatekeeper = open(folder)?;
    let key = key_with(&gatekeeper, 0)?;
    let mut points = Vec::new();
    for limit in (0..=6).map(|power| 10_u32.pow(power)) {
        let verifier = gatekeeper.verifier(endpoints(limit)?)?;
        let slots: Vec<String> = (0..(CALLS / limit).max(1)).map(|slot| format!("{limit}-{slot}")).collect();
        let start = now();
        for slot in &slots {
            for _ in 0..limit {
                admitted(&verifier, &key, &[slot])?;
            }
        }
        points.push((limit, ns_since(start) / f64::from(CALLS.max(limit))));
    }
    Ok(json!({ "title": "maxReq", "points": points }))
}

/// 0 to 1,000 roles, on the key and at the endpoint.
pub fn roles(folder: &Path, seconds: f64) -> Result<Value> {
    let gatekeeper = open(folder)?;
    let mut points = Vec::new();
    for count in COUNTS {
        let limit = Limit::new(PLENTY, WINDOW_MS)?;
        let mut endpoint = Endpoint::new(limit);
        for role in role_names(count) {
            endpoint = endpoint.role(&role, limit)?;
        }
        let verifier = gatekeeper.verifier(Endpoints::new().define(ENDPOINT, endpoint))?;
        let key = key_with(&gatekeeper, count)?;
        points.push((count, hot(&verifier, &key, &["task_id".to_owned()], seconds)?));
    }
    Ok(json!({ "title": "roles", "points": points }))
}

/// 0 to 1,000 variables of 5 bytes.
pub fn variables(folder: &Path, seconds: f64) -> Result<Value> {
    let gatekeeper = open(folder)?;
    let (verifier, key) = (gatekeeper.verifier(endpoints(PLENTY)?)?, key_with(&gatekeeper, 0)?);
    let mut points = Vec::new();
    for count in COUNTS {
        let variables: Vec<String> = (0..count).map(|number| format!("v{number:04}")).collect();
        points.push((count, hot(&verifier, &key, &variables, seconds)?));
    }
    Ok(json!({ "title": "variables", "points": points }))
}

fn open(folder: &Path) -> Result<Gatekeeper> {
    Ok(Gatekeeper::open(&format!("sqlite:{}", folder.join("shape.db").display()))?)
}

fn role_names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("ROLE_{number}")).collect()
}

fn key_with(gatekeeper: &Gatekeeper, roles: usize) -> Result<String> {
    let operation = CreateKey { roles: role_names(roles), ..CreateKey::new("gk_live") };
    Ok(gatekeeper.call(operation)?.api_key.expose().to_owned())
}

fn hot(verifier: &Verifier, key: &str, variables: &[String], seconds: f64) -> Result<f64> {
    median_ns(seconds, |_, calls| (0..calls).try_for_each(|_| admitted(verifier, key, variables)))
}

fn admitted<V: AsRef<str>>(verifier: &Verifier, key: &str, variables: &[V]) -> Result<()> {
    if verifier.verify(key, ENDPOINT, variables)?.ok() { Ok(()) } else { Err("a call was rejected".into()) }
}
