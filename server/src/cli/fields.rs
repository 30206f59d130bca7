//! Parsers of arguments that are more than text.

use gatekeeper::Tenants;
use gatekeeper::internal::whole_number;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::config::Setting;

/// A JSON object.
pub(crate) fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err("must be a JSON object, such as '{\"plan\": \"pro\"}'".to_owned()),
    }
}

/// A duration in seconds: a number of seconds, or of minutes, hours, days or weeks with a unit.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|each: char| each.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        "w" => Some(7 * 24 * 60 * 60),
        _ => None,
    };
    let seconds = digits.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    seconds
        .ok_or_else(|| "must be a number of seconds, or a duration such as 90s, 15m, 12h, 30d, 2w".to_owned())
}

/// A time: Unix milliseconds or RFC 3339.
pub(crate) fn timestamp(text: &str) -> Result<i64, String> {
    let written = || text.parse::<Timestamp>().map(Timestamp::as_millisecond).ok();
    text.parse()
        .ok()
        .or_else(written)
        .ok_or_else(|| "must be Unix milliseconds, or a time such as 2026-01-31T00:00:00Z".to_owned())
}

/// Tenants: ids separated by commas, or `all`.
pub(crate) fn tenants(text: &str) -> Result<Tenants, String> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    Tenants::named(&names).map_err(|_| "must be tenant ids separated by commas, default, or all".to_owned())
}

/// A whole number. The operation validates its range.
pub(crate) fn number(text: &str) -> Result<Value, String> {
    whole_number(text).map(Value::from).ok_or_else(|| "must be a whole number".to_owned())
}

/// A quota, or `none`.
pub(crate) fn quota(text: &str) -> Result<Value, String> {
    match text {
        "none" => Ok(Value::Null),
        _ => number(text).map_err(|_| "must be a whole number, or none".to_owned()),
    }
}

/// The parser of a setting's flag.
pub(crate) fn setting_parser(setting: &'static Setting) -> impl Fn(&str) -> Result<Value, String> + Clone {
    move |text| setting.parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_are_parsed_as_people_write_them() {
        assert_eq!(
            ["90", "90s", "2m", "12h", "30d", "1w"].map(|text| seconds(text).unwrap()),
            [90, 90, 120, 43_200, 2_592_000, 604_800]
        );
        for wrong in ["", "d", "1.5h", "-1", "1y", "99999999999999999d", "1 d"] {
            assert!(seconds(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(timestamp("1970-01-01T00:00:01.5Z"), Ok(1500));
        assert_eq!(timestamp("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(timestamp("-7"), Ok(-7));
        assert!(timestamp("yesterday").is_err());
        assert_eq!(tenants("default"), Ok(Tenants::DEFAULT));
        assert_eq!(tenants("all"), Ok(Tenants::ALL));
        assert!(tenants("").is_err() && tenants("all,default").is_err() && tenants("Acme Inc").is_err());
        assert_eq!(quota("none"), Ok(Value::Null));
        assert_eq!(quota("5"), Ok(5.into()));
        assert!(quota("1.5").is_err() && quota("").is_err());
        assert_eq!(
            (number("5.0"), number("-1"), number("1e3")),
            (Ok(5.into()), Ok((-1).into()), Ok(1000.into()))
        );
        assert!(object("[1]").is_err() && object("{\"a\": 1}").is_ok());
    }
}
