//! Converts a verdict for JavaScript: to numbers and short texts for the hot call, and to JSON for a promise.

use gatekeeper::{Decision, GatekeeperError, Result, Verdict};
use serde_json::json;

use super::number;

/// The numbers of a verdict on a valid key, in the order in which the façade reads them.
pub(crate) fn numbers(decision: &Decision) -> [f64; 9] {
    [
        decision.remaining().into(),
        decision.total().into(),
        number(decision.reset()),
        number(decision.retry_after_ms()),
        number(decision.window_ms()),
        number(decision.reset_after_ms()),
        decision.role_index().map_or(-1.0, |index| number(index as u64)),
        number(decision.identity_serial()),
        number(decision.roles_serial()),
    ]
}

/// The identity of a valid key: `KEY:TENANT`, the ids. If the key has an owner, a name, scopes or metadata, a colon and
/// `[[owner, name, scopes], metadata]` as JSON follow. Most keys have few of them, and JSON is slow to parse.
pub(crate) fn identity(decision: &Decision) -> Result<String> {
    let ids = format!("{}:{}", decision.key_id(), decision.tenant_id());
    let texts = (decision.owner_id(), decision.name(), decision.scopes());
    match (texts, decision.metadata()) {
        ((None, None, []), None) => Ok(ids),
        (texts, metadata) => {
            let texts = serde_json::to_string(&texts).map_err(GatekeeperError::internal)?;
            Ok(format!("{ids}:[{texts},{}]", metadata.unwrap_or("null")))
        }
    }
}

/// The roles of a valid key, sorted by bytes.
pub(crate) fn roles(decision: &Decision) -> Vec<&str> {
    decision.roles().iter().map(|role| &**role).collect()
}

/// A verdict as JSON; `null` for a key that is not valid.
pub(crate) fn json(verdict: &Verdict) -> Result<String> {
    let of_valid_key = |decision| -> Result<_> {
        Ok(json!({
            "code": verdict.code(),
            "numbers": numbers(decision),
            "identity": identity(decision)?,
            "roles": roles(decision),
        }))
    };
    Ok(verdict.decision().map(of_valid_key).transpose()?.unwrap_or_default().to_string())
}
