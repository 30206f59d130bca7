//! Language-neutral test vectors, run with the functions of the hot path. Not part of the public interface.

mod window;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::counters::{MemoryCounters, SlotName};
use crate::error::{GatekeeperError, Result};
use crate::id::KeyId;
use crate::key;
use crate::limit::Endpoint;
use crate::operation::decode::decode;
use crate::role::RoleSet;
use crate::secret::{Digest, random};
use crate::window::{Limit, Request};

#[derive(Deserialize)]
struct Case {
    suite: String,
    case: Value,
}

/// Runs one case, `{suite, case}` in JSON, and returns its result, whose form depends on the suite.
///
/// # Errors
/// `bad_request` for an unknown suite or a malformed case.
#[doc(hidden)]
pub fn run_vector(json: &str) -> Result<String> {
    let Case { suite, case } = decode(json)?;
    let answer = match suite.as_str() {
        "key-format" => key_format(case),
        "limit-selection" => limit_selection(case),
        "slots" => slots(case),
        "window" | "window-coarse" => window::one_limit(case),
        "window-changes" => window::changing_limit(case),
        "window-definitions" => window::definitions(case),
        "window-steps" => window::steps(case),
        _ => Err(GatekeeperError::bad_request("no suite has this name")),
    };
    answer.map(|answer| answer.to_string())
}

fn key_format(case: Value) -> Result<Value> {
    let key: String = from(case)?;
    Ok(match key::well_formed(&key) {
        Some(prefix) => json!({ "prefix": prefix, "sha256": hex(Digest::of(key.as_bytes()).as_bytes()) }),
        None => Value::Null,
    })
}

fn limit_selection(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    struct Selection {
        endpoint: Map<String, Value>,
        roles: Vec<String>,
    }
    let Selection { endpoint, roles } = from(case)?;
    let endpoint = Endpoint::from_json_value(&Value::Object(endpoint))?;
    let roles = RoleSet::new(crate::role::normalize(roles)?.into_iter().map(Into::into));
    let selected = endpoint.choose(&roles);
    let role = selected.and_then(|selected| roles.names().get(selected.role));
    Ok(json!({ "role": role, "limit": endpoint.limit(selected) }))
}

/// Acquires the only permit of each slot in turn. All are admitted if no two slots are the same.
fn slots(case: Value) -> Result<Value> {
    let slots: Vec<(String, String, Vec<String>)> = from(case)?;
    let counters = MemoryCounters::new();
    let secret = random()?;
    let limit = Limit::new(1, 60_000)?;
    let request = Request { limit, shorter: &[], cost: 1, keep_ms: limit.duration_ms() };
    let mut labels: Vec<String> = Vec::new();
    let admitted = slots.iter().map(|(label, endpoint, variables)| {
        let index = labels.iter().position(|known| known == label).unwrap_or_else(|| {
            labels.push(label.clone());
            labels.len() - 1
        });
        let slot = SlotName::new(&secret, endpoint, KeyId::from_bits(index as u128), variables);
        counters.acquire(slot, 1_000_000, &request).admitted
    });
    Ok(json!(admitted.collect::<Vec<_>>()))
}

fn from<T: serde::de::DeserializeOwned>(case: Value) -> Result<T> {
    serde_json::from_value(case)
        .map_err(|error| GatekeeperError::bad_request("a case of another shape").caused_by(error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
