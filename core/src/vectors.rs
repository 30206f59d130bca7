//! Language-neutral test cases, run by the functions that the hot path uses. Not part of the public interface.

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
use crate::window::{Limit, Request, Taken, Window};

#[derive(Deserialize)]
struct Case {
    suite: String,
    case: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLimit {
    max_req: u32,
    duration: u64,
}

#[derive(Deserialize)]
struct Step {
    now: u64,
    cost: u32,
    limit: Option<(u32, u64)>,
}

/// Answers one case, `{suite, case}` in JSON; what the answer holds depends on the suite.
///
/// # Errors
/// `bad_request` for a suite or a case of another shape.
#[doc(hidden)]
pub fn run_vector(json: &str) -> Result<String> {
    let Case { suite, case } = decode(json)?;
    let answer = match suite.as_str() {
        "key-format" => key_format(case),
        "limit-selection" => limit_selection(case),
        "slots" => slots(case),
        "window" | "window-coarse" => window(case),
        "window-changes" => window_changes(case),
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
    let choice = endpoint.choose(&roles);
    let role = choice.and_then(|choice| roles.names().get(choice.role));
    Ok(json!({ "role": role, "limit": endpoint.limit(choice) }))
}

/// Takes the only permit of each slot in turn: each of them is admitted, if no two are one.
fn slots(case: Value) -> Result<Value> {
    let slots: Vec<(String, String, Vec<String>)> = from(case)?;
    let counters = MemoryCounters::new();
    let secret = random()?;
    let limit = Limit::new(1, 60_000)?;
    let request = Request { limit, cost: 1, keep_ms: limit.duration_ms() };
    let mut labels: Vec<String> = Vec::new();
    let admitted = slots.iter().map(|(label, endpoint, variables)| {
        let index = labels.iter().position(|known| known == label).unwrap_or_else(|| {
            labels.push(label.clone());
            labels.len() - 1
        });
        let slot = SlotName::new(&secret, endpoint, KeyId::from_bits(index as u128), variables);
        counters.take(slot, 1_000_000, request).admitted
    });
    Ok(json!(admitted.collect::<Vec<_>>()))
}

fn window(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    struct Steps {
        limit: RawLimit,
        steps: Vec<Step>,
    }
    let Steps { limit, steps } = from(case)?;
    take_each(&steps, (limit.max_req, limit.duration), limit.duration)
}

fn window_changes(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    struct Steps {
        limits: Vec<(u32, u64)>,
        steps: Vec<Step>,
    }
    let Steps { limits, steps } = from(case)?;
    let keep_ms = limits.iter().map(|(_, duration)| *duration).max().unwrap_or(0);
    take_each(&steps, (0, 0), keep_ms)
}

fn take_each(steps: &[Step], limit: (u32, u64), keep_ms: u64) -> Result<Value> {
    let mut window = Window::default();
    let answers = steps.iter().map(|step| {
        let (max_req, duration) = step.limit.unwrap_or(limit);
        let limit = Limit::new(max_req, duration)?;
        let Taken { admitted, remaining, frees_at, retry_after_ms } =
            window.take(step.now, Request { limit, cost: step.cost, keep_ms });
        Ok(json!({
            "ok": admitted,
            "remaining": remaining,
            "retryAfterMs": retry_after_ms,
            "freesAt": frees_at,
            "reset": frees_at.div_ceil(1000),
        }))
    });
    answers.collect::<Result<Vec<_>>>().map(Value::from)
}

fn from<T: serde::de::DeserializeOwned>(case: Value) -> Result<T> {
    serde_json::from_value(case)
        .map_err(|error| GatekeeperError::bad_request("a case of another shape").caused_by(error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
