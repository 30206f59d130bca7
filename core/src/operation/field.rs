//! Checks of fields that several requests share.

use serde_json::{Map, Value};

use crate::error::{GatekeeperError, Result};
use crate::whole::{MAX_EXACT, Range, WHOLE, of_json};

/// The maximum length of a `name` and of similar texts, in bytes of UTF-8.
pub(super) const MAX_TEXT: usize = 256;
/// The maximum length of the name of a service or an action, in bytes of UTF-8.
pub(super) const MAX_USAGE_NAME: usize = 128;
/// The maximum size of metadata, in bytes of JSON.
pub(super) const MAX_METADATA: usize = 8 * 1024;

/// A lifetime, in seconds.
pub(super) enum Life {}

impl Range for Life {
    const MIN: i64 = 1;
    const MAX: i64 = 3_155_760_000;
    const NOTE: &'static str = " (100 years)";
}

/// The limit of a quota.
pub(super) enum QuotaLimit {}

impl Range for QuotaLimit {
    const MIN: i64 = 0;
    const MAX: i64 = MAX_EXACT;
    const NOTE: &'static str = ", or null for any amount";
}

/// A quantity of usage.
pub(super) enum Quantity {}

impl Range for Quantity {
    const MIN: i64 = 1;
    const MAX: i64 = 1_000_000_000;
}

/// A point in time, Unix milliseconds.
pub(super) enum Moment {}

impl Range for Moment {
    const MIN: i64 = -MAX_EXACT;
    const MAX: i64 = MAX_EXACT;
}

/// The maximum number of items on a page, as a caller requests it. Larger values count as the maximum.
pub(super) enum PageLimit {}

impl Range for PageLimit {
    const MIN: i64 = 0;
    const MAX: i64 = MAX_ITEMS as i64;
    const CLAMPS: bool = true;
}

/// The maximum number of items on a page.
pub(super) const MAX_ITEMS: u32 = 100;

/// Checks a text: at most 256 bytes, without U+0000.
pub(super) fn check_text(field: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.len() > MAX_TEXT => {
            Err(GatekeeperError::bad_request(format!("{field} must not be longer than {MAX_TEXT} bytes")))
        }
        Some(text) if text.contains('\0') => {
            Err(GatekeeperError::bad_request(format!("{field} must not contain U+0000")))
        }
        _ => Ok(()),
    }
}

/// Checks a text that must not be blank: at most 256 bytes, without U+0000.
pub(super) fn check_name(field: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(GatekeeperError::bad_request(format!("{field} must not be empty or blank")));
    }
    check_text(field, Some(name))
}

/// Checks metadata: at most 8 KiB of JSON, without U+0000, its integers exact in every language.
pub(super) fn check_metadata(metadata: Option<&Map<String, Value>>) -> Result<()> {
    let Some(metadata) = metadata else { return Ok(()) };
    if to_text(metadata).len() > MAX_METADATA {
        return Err(GatekeeperError::bad_request("metadata must not be longer than 8 KiB of JSON"));
    }
    if metadata.iter().any(|(name, value)| name.contains('\0') || contains_nul(value)) {
        return Err(GatekeeperError::bad_request("metadata must not contain U+0000"));
    }
    metadata.iter().try_for_each(|(name, value)| check_exact(&format!("metadata.{name}"), value))
}

/// Rejects an integer that a double cannot represent: a JavaScript client would round it and write it back wrong.
fn check_exact(at: &str, value: &Value) -> Result<()> {
    match value {
        Value::Number(number)
            if !number.is_f64() && of_json(value).is_none_or(|number| !is_exact(number)) =>
        {
            Err(GatekeeperError::bad_request(format!(
                "{at} must be {WHOLE} from -{MAX_EXACT} to {MAX_EXACT}, which every language represents exactly: send a \
                 larger number as a string"
            )))
        }
        Value::Array(values) => {
            let mut values = values.iter().enumerate();
            values.try_for_each(|(index, value)| check_exact(&format!("{at}[{index}]"), value))
        }
        Value::Object(fields) => {
            fields.iter().try_for_each(|(name, value)| check_exact(&format!("{at}.{name}"), value))
        }
        _ => Ok(()),
    }
}

fn is_exact(number: i64) -> bool {
    (-MAX_EXACT..=MAX_EXACT).contains(&number)
}

/// Metadata as text, for the database.
pub(super) fn to_text(metadata: &Map<String, Value>) -> String {
    serde_json::to_string(metadata).unwrap_or_default()
}

/// Metadata from its text in the database.
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

/// The Unix time in milliseconds at which a lifetime of `seconds` ends. Clamped to 1 second to 100 years.
pub(super) fn end_of_life(now: i64, seconds: u64) -> i64 {
    now.saturating_add_unsigned(seconds * 1000)
}
