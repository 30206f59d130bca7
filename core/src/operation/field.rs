//! Checks that the fields of several requests share.

use serde_json::{Map, Value};

use crate::error::{GatekeeperError, Result};
use crate::whole::{MAX_EXACT, Range, WHOLE, of_json};

/// The longest `name` and the like, in bytes of UTF-8.
pub(super) const MAX_TEXT: usize = 256;
/// The most metadata, in bytes of JSON.
pub(super) const MAX_METADATA: usize = 8 * 1024;

/// For how many seconds something is valid.
pub(super) enum Life {}

impl Range for Life {
    const MIN: i64 = 1;
    const MAX: i64 = 3_155_760_000;
    const NOTE: &'static str = " (100 years)";
}

/// How much may be used.
pub(super) enum QuotaLimit {}

impl Range for QuotaLimit {
    const MIN: i64 = 0;
    const MAX: i64 = MAX_EXACT;
    const NOTE: &'static str = ", or null for any amount";
}

/// How much is used.
pub(super) enum Quantity {}

impl Range for Quantity {
    const MIN: i64 = 1;
    const MAX: i64 = 1_000_000_000;
}

/// How many permits a verification takes.
pub(super) enum Cost {}

impl Range for Cost {
    const MIN: i64 = 1;
    const MAX: i64 = u32::MAX as i64;
}

/// A time, Unix ms.
pub(super) enum Moment {}

impl Range for Moment {
    const MIN: i64 = -MAX_EXACT;
    const MAX: i64 = MAX_EXACT;
}

/// How many items a page has. More than there can be count as that many.
pub(super) enum PageLimit {}

impl Range for PageLimit {
    const MIN: i64 = 0;
    const MAX: i64 = MAX_ITEMS as i64;
    const CLAMPS: bool = true;
}

/// How many items a page has at most.
pub(super) const MAX_ITEMS: u32 = 100;

/// Text of at most 256 bytes without U+0000.
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

/// The same, and not empty.
pub(super) fn check_name(field: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(GatekeeperError::bad_request(format!("{field} must not be empty or blank")));
    }
    check_text(field, Some(name))
}

/// An object of at most 8 KiB of JSON without U+0000, whose whole numbers every language has.
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

/// Rejects a whole number that not every language has: it would be rounded where it is read, and written back wrong.
fn check_exact(at: &str, value: &Value) -> Result<()> {
    match value {
        Value::Number(number)
            if !number.is_f64() && of_json(value).is_none_or(|number| !is_exact(number)) =>
        {
            Err(GatekeeperError::bad_request(format!(
                "{at} must be {WHOLE} from -{MAX_EXACT} to {MAX_EXACT}, up to which every language counts exactly: write a \
                 longer one as text"
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
