//! Converts JavaScript values to the core's values, and back.

pub(crate) mod verdict;

use gatekeeper::{Clock, GatekeeperError, ManualClock, Options, Result};
use serde_json::{Map, Value};

use crate::error::to_napi;

/// The options that a key manager shares with a core.
const CORE_OPTIONS: [&str; 7] =
    ["cacheKeys", "cacheUnknownKeys", "create", "timeout", "maxRetries", "defaultHeaders", "userAgent"];

/// The options of a key manager from JSON (those of [`CORE_OPTIONS`] and `clock`), and the clock if it is a manual one.
pub(crate) fn options(json: &str) -> Result<(Options, Option<ManualClock>)> {
    let mut given: Map<String, Value> = serde_json::from_str(json).map_err(GatekeeperError::internal)?;
    let mut core_options = Map::new();
    for name in CORE_OPTIONS {
        match given.remove(name) {
            None => {}
            // `Options::from_json` ignores null, so it is rejected here.
            Some(Value::Null) => {
                return Err(GatekeeperError::bad_request(format!("{name} must not be null")));
            }
            Some(value) => drop(core_options.insert(name.to_owned(), value)),
        }
    }
    let mut options = Options::from_json(&Value::Object(core_options).to_string())?;
    let mut manual_clock = None;
    for (name, value) in &given {
        match name.as_str() {
            "clock" => match value.as_str() {
                Some("system") => options.clock = Clock::System,
                Some("manual") => {
                    let clock = ManualClock::new();
                    options.clock = Clock::Manual(clock.clone());
                    manual_clock = Some(clock);
                }
                _ => return Err(GatekeeperError::bad_request("clock must be \"system\" or \"manual\"")),
            },
            _ => return Err(GatekeeperError::bad_request(not_an_option(name))),
        }
    }
    Ok((options, manual_clock))
}

/// Rejects the options of a key manager on a core: the core has them.
///
/// # Errors
/// `bad_request` for any option, by name.
pub(crate) fn no_options(json: &str) -> Result<()> {
    let given: Map<String, Value> = serde_json::from_str(json).map_err(GatekeeperError::internal)?;
    let Some((name, _)) = given.iter().next() else { return Ok(()) };
    Err(GatekeeperError::bad_request(if name == "clock" || CORE_OPTIONS.contains(&name.as_str()) {
        format!("{name} is an option of the core: give it to GatekeeperCore, not to initKeyManager")
    } else {
        not_an_option(name)
    }))
}

fn not_an_option(name: &str) -> String {
    format!("{name} is not an option of initKeyManager")
}

/// A count below 2⁵³ as a JavaScript number.
#[allow(clippy::cast_precision_loss, reason = "exact below 2⁵³")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// A JavaScript number as a count. A fraction is truncated, and a number out of range becomes the nearest bound.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast saturates")]
pub(crate) fn count(number: f64) -> u64 {
    number as u64
}

/// Calls `read` with a list that the façade has packed into one string: a single text as it is, several as
/// `5:tasks1:7`. A list of at most one text needs no allocation.
///
/// # Errors
/// `internal` if the string is malformed.
pub(crate) fn with_unpacked<T>(
    packed: &str,
    count: usize,
    read: impl FnOnce(&[&str]) -> T,
) -> napi::Result<T> {
    match count {
        0 => Ok(read(&[])),
        1 => Ok(read(&[packed])),
        _ => {
            let malformed = || to_napi(GatekeeperError::internal("a packed list is malformed"));
            Ok(read(&unpack(packed).ok_or_else(malformed)?))
        }
    }
}

/// Splits `5:tasks1:7` into `tasks` and `7`. The lengths are in UTF-16 code units, as in JavaScript.
fn unpack(packed: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let (length, text) = rest.split_once(':')?;
        let (part, after) = text.split_at_checked(bytes_of(text, length.parse().ok()?)?)?;
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

/// The number of UTF-8 bytes of the first `units` UTF-16 code units of `text`.
fn bytes_of(text: &str, units: usize) -> Option<usize> {
    if text.as_bytes().get(..units).is_some_and(<[u8]>::is_ascii) {
        return Some(units);
    }
    let mut left = units;
    let mut bytes = 0;
    for character in text.chars() {
        if left == 0 {
            break;
        }
        left = left.checked_sub(character.len_utf16())?;
        bytes += character.len_utf8();
    }
    (left == 0).then_some(bytes)
}
