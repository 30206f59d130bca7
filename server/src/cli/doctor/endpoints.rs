//! Checks endpoints and their limits, as written in the configuration file.

use serde_json::Value;

use super::finding::Finding;
use crate::config::Config;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let written = config.file().written_endpoints();
    let endpoints = written.as_object().into_iter().flatten();
    let lower: Vec<String> = endpoints.flat_map(|(name, endpoint)| lower_roles(name, endpoint)).collect();
    let count = config.endpoints().names().count();
    if count == 0 {
        return vec![Finding::warning(
            "endpoints",
            "no endpoint is defined: keys.verify and gateways reject every endpoint",
            format!("add an [endpoints.NAME] to {}", config.file().path.display()),
        )];
    }
    if lower.is_empty() {
        return vec![Finding::ok("endpoints", format!("{count} defined"))];
    }
    let message = format!("roles whose limit is lower than the default: {}", lower.join(", "));
    vec![Finding::hint(
        "endpoints",
        message,
        "a role's limit replaces the default: check that this is intended",
    )]
}

/// Roles whose limit is lower than the default.
fn lower_roles(name: &str, endpoint: &Value) -> Vec<String> {
    let default = endpoint.get("default").and_then(rate);
    let roles = endpoint.get("roles").and_then(Value::as_object).into_iter().flatten();
    let is_lower = |limit: &Value| match (rate(limit), default) {
        // Rates are compared exactly.
        (Some((calls, ms)), Some((default_calls, default_ms))) => calls * default_ms < default_calls * ms,
        _ => false,
    };
    roles.filter(|(_, limit)| is_lower(limit)).map(|(role, _)| format!("{name}.{role}")).collect()
}

fn rate(limit: &Value) -> Option<(u128, u128)> {
    let number = |field: &str| limit.get(field).and_then(Value::as_u64).map(u128::from);
    Some((number("maxReq")?, number("duration")?))
}
