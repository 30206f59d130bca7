//! JavaScript's values as the core's, and back.

use gatekeeper::{Clock, GatekeeperError, ManualClock, Options, Result};
use serde_json::{Map, Value};

/// What a core reads in the same way.
const OF_CORE: [&str; 7] =
    ["cacheKeys", "cacheUnknownKeys", "create", "timeout", "maxRetries", "defaultHeaders", "userAgent"];

/// Options from `{cacheKeys?, cacheUnknownKeys?, create?, clock?, timeout?, maxRetries?, defaultHeaders?, userAgent?}` in JSON, and
/// the hand of a manual clock.
pub(crate) fn options(json: &str) -> Result<(Options, Option<ManualClock>)> {
    let mut given: Map<String, Value> = serde_json::from_str(json).map_err(GatekeeperError::internal)?;
    let mut of_core = Map::new();
    for name in OF_CORE {
        match given.remove(name) {
            None => {}
            // A core leaves out what is null.
            Some(Value::Null) => {
                return Err(GatekeeperError::bad_request(format!("{name} must not be null")));
            }
            Some(value) => drop(of_core.insert(name.to_owned(), value)),
        }
    }
    let mut options = Options::from_json(&Value::Object(of_core).to_string())?;
    let mut hand = None;
    for (name, value) in &given {
        match name.as_str() {
            "clock" => match value.as_str() {
                Some("system") => options.clock = Clock::System,
                Some("manual") => {
                    let clock = ManualClock::new();
                    options.clock = Clock::Manual(clock.clone());
                    hand = Some(clock);
                }
                _ => return Err(GatekeeperError::bad_request("clock must be \"system\" or \"manual\"")),
            },
            _ => {
                return Err(GatekeeperError::bad_request(format!(
                    "{name} is not an option of initKeyManager"
                )));
            }
        }
    }
    Ok((options, hand))
}

/// A count below 2⁵³ as JavaScript's number.
#[allow(clippy::cast_precision_loss, reason = "exact below 2⁵³")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// JavaScript's number as a count: what is no whole number in range is brought into it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast saturates")]
pub(crate) fn count(number: f64) -> u64 {
    number as u64
}

/// Splits `5:tasks1:7` into `tasks` and `7`; the lengths are JavaScript's, in UTF-16 code units.
pub(crate) fn unpack(packed: &str) -> Option<Vec<&str>> {
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

/// How many bytes of UTF-8 the first `units` UTF-16 code units of `text` take.
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
