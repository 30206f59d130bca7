//! Endpoints as JSON, from the SDKs.

use serde_json::{Map, Value};

use super::endpoint::DEFAULT;
use super::text::FORMS;
use super::{Endpoint, Endpoints};
use crate::error::{GatekeeperError, Result, field_name};
use crate::whole::{self, Range};
use crate::window::Limit;

impl Endpoints {
    /// Parses endpoints from `{NAME: {default: LIMIT, roles?: {ROLE: LIMIT}}}`. A limit is `{maxReq, duration}`, where
    /// `maxReq` is 1 to 2³²−1 and `duration` is in milliseconds, 1 to 366 days, or a text such as `"10/minute"`.
    ///
    /// # Errors
    /// `bad_request`; the message names the endpoint and the field.
    pub fn from_json(json: &str) -> Result<Self> {
        let Ok(Value::Object(endpoints)) = serde_json::from_str(json) else {
            return Err(GatekeeperError::bad_request("endpoints must be an object of endpoints by name"));
        };
        let mut defined = Self::new();
        for (name, endpoint) in &endpoints {
            let at = format!("endpoints.{name}");
            defined.0.push((name.clone(), endpoint_from(&at, endpoint)?));
        }
        Ok(defined)
    }
}

impl Endpoint {
    /// An endpoint from `{default: {maxReq, duration}, roles?}`.
    pub(crate) fn from_json_value(value: &Value) -> Result<Self> {
        endpoint_from("endpoint", value)
    }

    /// Parses an endpoint from the `definition` of one verification: `{default: LIMIT, roles?: {ROLE: LIMIT}}`.
    pub(crate) fn from_definition(definition: &Map<String, Value>) -> Result<Self> {
        reject_unknown("definition", definition, ENDPOINT_FIELDS)?;
        endpoint_of("definition", definition)
    }

    /// Parses an endpoint from the `ratelimits` of one verification: `{DEFAULT: {maxReq, duration}, ROLE: …}`.
    /// Existing clients of this API expect that a larger `maxReq` counts as the largest, and that unknown fields of
    /// a limit are ignored. A longer `duration` is rejected: shortening it would loosen the limit.
    pub(crate) fn from_ratelimits(ratelimits: &Map<String, Value>) -> Result<Self> {
        let Some(default) = ratelimits.get(DEFAULT) else {
            return Err(GatekeeperError::bad_request(
                "ratelimits.DEFAULT is missing: give {maxReq, duration}",
            ));
        };
        let endpoint = Self::new(limit_from("ratelimits.DEFAULT", default, Reading::Lenient)?);
        let roles = ratelimits.iter().filter(|(name, _)| *name != DEFAULT);
        with_roles(endpoint, "ratelimits", roles, Reading::Lenient)
    }
}

const ENDPOINT_FIELDS: &[&str] = &["default", "roles"];

fn endpoint_from(at: &str, value: &Value) -> Result<Endpoint> {
    endpoint_of(at, object_of(at, value, ENDPOINT_FIELDS)?)
}

fn endpoint_of(at: &str, fields: &Map<String, Value>) -> Result<Endpoint> {
    let Some(default) = fields.get("default") else {
        return Err(GatekeeperError::bad_request(format!(
            "{at}.default is missing: give {{maxReq, duration}}"
        )));
    };
    let endpoint = Endpoint::new(limit_from(&format!("{at}.default"), default, Reading::Strict)?);
    match fields.get("roles") {
        None | Some(Value::Null) => Ok(endpoint),
        Some(Value::Object(roles)) => with_roles(endpoint, &format!("{at}.roles"), roles, Reading::Strict),
        Some(_) => {
            Err(GatekeeperError::bad_request(format!("{at}.roles must be an object of limits by role")))
        }
    }
}

fn with_roles<'a>(
    mut endpoint: Endpoint,
    at: &str,
    roles: impl IntoIterator<Item = (&'a String, &'a Value)>,
    reading: Reading,
) -> Result<Endpoint> {
    for (role, limit) in roles {
        let limit = limit_from(&format!("{at}.{role}"), limit, reading)?;
        endpoint = endpoint
            .role(role, limit)
            .map_err(|error| GatekeeperError::bad_request(format!("{at}: {}", error.message())))?;
    }
    Ok(endpoint)
}

/// How strictly a limit is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Strict,
    Lenient,
}

enum MaxReq {}

impl Range for MaxReq {
    const MIN: i64 = 1;
    const MAX: i64 = u32::MAX as i64;
}

enum Duration {}

impl Range for Duration {
    const MIN: i64 = 1;
    const MAX: i64 = 366 * 24 * 60 * 60 * 1000;
    const NOTE: &'static str = " of milliseconds (366 days)";
}

fn limit_from(at: &str, value: &Value, reading: Reading) -> Result<Limit> {
    let fields = match value {
        Value::Object(fields) => fields,
        Value::String(text) => {
            let limit = text.parse::<Limit>();
            return limit.map_err(|error| GatekeeperError::bad_request(format!("{at} {}", error.message())));
        }
        _ => return Err(GatekeeperError::bad_request(format!("{at} must be {FORMS}"))),
    };
    if reading == Reading::Strict {
        reject_unknown(at, fields, &["maxReq", "duration"])?;
    }
    let max_req = fields.get("maxReq").and_then(whole::of_json).map(|number| match reading {
        Reading::Strict => number,
        Reading::Lenient => number.min(MaxReq::MAX),
    });
    let duration = fields.get("duration").and_then(whole::of_json);
    let max_req = in_range::<MaxReq, _>(&format!("{at}.maxReq"), max_req)?;
    Limit::new(max_req, in_range::<Duration, _>(&format!("{at}.duration"), duration)?)
}

fn in_range<R: Range, N: TryFrom<i64>>(at: &str, number: Option<i64>) -> Result<N> {
    let number = number.and_then(R::find).and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| GatekeeperError::bad_request(format!("{at} must be {}", R::expected())))
}

fn object_of<'a>(at: &str, value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>> {
    let fields = value.as_object().ok_or_else(|| {
        GatekeeperError::bad_request(format!("{at} must be an object with {}", known.join(" and ")))
    })?;
    reject_unknown(at, fields, known)?;
    Ok(fields)
}

fn reject_unknown(at: &str, fields: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(GatekeeperError::bad_request(format!(
            "{at}.{} is not known: {at} has {}",
            field_name(unknown),
            known.join(" and ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(json: &str) -> String {
        Endpoints::from_json(json).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_limit_out_of_range_is_rejected_by_endpoint_and_field() {
        for bad in ["0", "-1", "1.5", "null", "\"10\"", "4294967296", "1e300", "true"] {
            let message =
                rejection(&format!(r#"{{"GET": {{"default": {{"maxReq": {bad}, "duration": 1000}}}}}}"#));
            assert!(message.starts_with("endpoints.GET.default.maxReq must be a whole number"), "{message}");
        }
        for bad in ["0", "-1", "0.5", "null", "31622400001", "[]"] {
            let json = format!(
                r#"{{"GET": {{"default": {{"maxReq": 1, "duration": 1}}, "roles": {{"PRO": {{"maxReq": 1, "duration": {bad}}}}}}}}}"#
            );
            let message = rejection(&json);
            assert!(
                message.starts_with("endpoints.GET.roles.PRO.duration must be a whole number"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_shape_that_is_not_an_endpoint_is_rejected_and_named() {
        let limit = r#"{"maxReq": 1, "duration": 1}"#;
        assert!(rejection("[]").starts_with("endpoints must be an object"));
        assert!(rejection(r#"{"GET": 5}"#).starts_with("endpoints.GET must be an object"));
        assert!(rejection(r#"{"GET": {}}"#).starts_with("endpoints.GET.default is missing"));
        assert!(
            rejection(r#"{"GET": {"default": "10/year"}}"#)
                .starts_with("endpoints.GET.default must be a text")
        );
        assert!(
            rejection(&format!(r#"{{"GET": {{"default": {limit}, "role": {{}}}}}}"#))
                .contains("endpoints.GET.role is")
        );
        assert!(
            rejection(&format!(r#"{{"GET": {{"default": {limit}, "roles": []}}}}"#))
                .contains("roles must be")
        );
        assert!(
            rejection(&format!(r#"{{"GET": {{"default": {limit}, "roles": {{"": {limit}}}}}}}"#))
                .contains("empty")
        );
    }

    #[test]
    fn the_limits_of_one_verification_are_parsed_leniently() {
        let read = |limit: &str| {
            let Ok(Value::Object(limits)) = serde_json::from_str(&format!(r#"{{"DEFAULT": {limit}}}"#))
            else {
                panic!("an object");
            };
            Endpoint::from_ratelimits(&limits).map(|endpoint| endpoint.limit(None))
        };
        for max_req in ["4294967295", "4294967296", "1e300", "99999999999999999999"] {
            let limit =
                read(&format!(r#"{{"maxReq": {max_req}, "duration": 1.0, "name": "other"}}"#)).unwrap();
            assert_eq!((limit.max_req(), limit.duration_ms()), (u32::MAX, 1), "{max_req}");
        }
        for wrong in [
            r#"{"maxReq": 0, "duration": 1}"#,
            r#"{"maxReq": 1, "duration": 31622400001}"#,
            r#"{"maxReq": 1.5, "duration": 1}"#,
            r#"{"maxReq": 1}"#,
            "5",
        ] {
            assert!(read(wrong).unwrap_err().message().starts_with("ratelimits.DEFAULT"), "{wrong}");
        }
    }

    #[test]
    fn the_bounds_of_the_ranges_are_allowed() {
        let json = r#"{"GET": {"default": {"maxReq": 4294967295, "duration": 31622400000}, "roles": null},
                       "text": {"default": "10/minute", "roles": {"PRO": "1000/15 minutes"}},
                       "": {"default": {"maxReq": 1, "duration": 1.0}, "roles": {"DEFAULT": {"maxReq": 6e4, "duration": 1}}}}"#;
        assert_eq!(Endpoints::from_json(json).unwrap().names().count(), 3);
    }
}
