//! Limits as text, such as `10/minute`.

use std::str::FromStr;

use crate::error::{GatekeeperError, Result};
use crate::whole::whole_number;
use crate::window::Limit;

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The forms of a limit, for messages.
pub(super) const FORMS: &str = "a text such as \"10/minute\", or an object with maxReq and duration";

impl FromStr for Limit {
    type Err = GatekeeperError;

    /// Parses `N/UNIT` or `N/K UNIT`, such as `10/minute` or `100/15 minutes`. `N` is 1 to 2³²−1. `UNIT` is `second`,
    /// `minute`, `hour` or `day` (24 hours), also in the plural, or `s`, `m`, `h`, `d`. The duration is at most 366 days.
    ///
    /// ```
    /// use gatekeeper::Limit;
    /// assert_eq!("100/15 minutes".parse::<Limit>()?, Limit::new(100, 15 * 60 * 1000)?);
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `bad_request`; the message shows the form of a limit, and does not repeat the text.
    fn from_str(text: &str) -> Result<Self> {
        parse(text)
            .ok_or_else(|| GatekeeperError::bad_request(format!("must be {FORMS}, of at most 366 days")))
    }
}

fn parse(text: &str) -> Option<Limit> {
    let (max_req, duration) = text.split_once('/')?;
    let duration = duration.trim();
    let unit = duration.trim_start_matches(|each: char| each.is_ascii_digit());
    let count = match duration.get(..duration.len() - unit.len())? {
        "" => 1,
        digits => digits.parse().ok()?,
    };
    let unit_ms = match unit.trim_start() {
        "s" | "second" | "seconds" => SECOND_MS,
        "m" | "minute" | "minutes" => MINUTE_MS,
        "h" | "hour" | "hours" => HOUR_MS,
        "d" | "day" | "days" => DAY_MS,
        _ => return None,
    };
    let max_req = whole_number(max_req.trim()).and_then(|number| u32::try_from(number).ok())?;
    Limit::new(max_req, unit_ms.checked_mul(count)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_parsed_from_a_number_and_a_unit() {
        for (text, max_req, duration_ms) in [
            ("10/minute", 10, MINUTE_MS),
            ("1/s", 1, SECOND_MS),
            ("5000/day", 5000, DAY_MS),
            ("100/15 minutes", 100, 15 * MINUTE_MS),
            ("100/15m", 100, 15 * MINUTE_MS),
            (" 4294967295 / 366 days ", u32::MAX, 366 * DAY_MS),
            ("7/2 hours", 7, 2 * HOUR_MS),
        ] {
            assert_eq!(text.parse::<Limit>().unwrap(), Limit::new(max_req, duration_ms).unwrap(), "{text}");
        }
    }

    #[test]
    fn anything_else_is_rejected_with_the_form_of_a_limit_and_is_not_repeated() {
        for text in [
            "",
            "/",
            "10",
            "10/",
            "/minute",
            "0/minute",
            "-1/minute",
            "1.5/minute",
            "10/fortnight",
            "10/0 minutes",
            "10/-1 minutes",
            "10/367 days",
            "4294967296/second",
            "10/99999999999999999999 days",
            "10/minute, 5/hour",
            "10 per minute",
            "10/MINUTE",
            "ten/minute",
            "10/minute/hour",
            "gk_live_canary/minute",
            "10/１ minute",
        ] {
            let error = text.parse::<Limit>().unwrap_err();
            assert!(error.message().starts_with("must be a text such as \"10/minute\""), "{text}: {error}");
            assert!(!error.message().contains("canary"));
        }
    }
}
