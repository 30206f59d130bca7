//! Checks that the fields of several requests share.

use serde_json::{Map, Value};

use crate::error::{GatekeeperError, Result};

/// The longest `name` and the like, in bytes of UTF-8.
pub(super) const MOST_TEXT: usize = 256;
/// The most metadata, in bytes of JSON.
pub(super) const MOST_METADATA: usize = 8 * 1024;
/// The longest life of what ends: 100 years of 365.25 days.
pub(super) const MOST_SECONDS: u64 = 3_155_760_000;

/// The largest quota: what every language counts exactly.
pub(super) const MOST_QUOTA: i64 = (1 << 53) - 1;

/// A quota, or none, of 0 to 2⁵³ - 1.
pub(super) fn check_quota(field: &str, limit: Option<i64>) -> Result<()> {
    if limit.is_none_or(|limit| (0..=MOST_QUOTA).contains(&limit)) {
        return Ok(());
    }
    Err(GatekeeperError::bad_request(format!(
        "{field} must be null or a whole number from 0 to {MOST_QUOTA}"
    )))
}

/// Text of at most 256 bytes without U+0000.
pub(super) fn check_text(field: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.len() > MOST_TEXT => {
            Err(GatekeeperError::bad_request(format!("{field} must not be longer than {MOST_TEXT} bytes")))
        }
        Some(text) if text.contains('\0') => {
            Err(GatekeeperError::bad_request(format!("{field} must not contain U+0000")))
        }
        _ => Ok(()),
    }
}

/// The same, and not empty.
pub(super) fn check_name(field: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(GatekeeperError::bad_request(format!("{field} must not be empty")));
    }
    check_text(field, Some(name))
}

/// An object of at most 8 KiB of JSON without U+0000.
pub(super) fn check_metadata(metadata: Option<&Map<String, Value>>) -> Result<()> {
    let Some(metadata) = metadata else { return Ok(()) };
    if to_text(metadata).len() > MOST_METADATA {
        return Err(GatekeeperError::bad_request("metadata must not be longer than 8 KiB of JSON"));
    }
    if metadata.iter().any(|(name, value)| name.contains('\0') || contains_nul(value)) {
        return Err(GatekeeperError::bad_request("metadata must not contain U+0000"));
    }
    Ok(())
}

/// Metadata as it is stored.
pub(super) fn to_text(metadata: &Map<String, Value>) -> String {
    serde_json::to_string(metadata).unwrap_or_default()
}

/// Metadata as it was stored.
pub(super) fn from_text(metadata: Option<&str>) -> Result<Option<Map<String, Value>>> {
    metadata.map(|text| serde_json::from_str(text).map_err(GatekeeperError::internal)).transpose()
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(contains_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || contains_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Unix ms after so many seconds of life, which is 1 second to 100 years.
pub(super) fn end_of_life(now: i64, seconds: u64) -> i64 {
    now.saturating_add_unsigned(seconds * 1000)
}

/// Refuses a life that is not 1 second to 100 years.
pub(super) fn check_life(seconds: Option<u64>) -> Result<()> {
    if seconds.is_some_and(|seconds| !(1..=MOST_SECONDS).contains(&seconds)) {
        return Err(GatekeeperError::bad_request(format!(
            "expiresInSeconds must be a whole number from 1 to {MOST_SECONDS} (100 years)"
        )));
    }
    Ok(())
}
