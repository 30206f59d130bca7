//! Endpoints as JSON, as both SDKs hand them over.

use serde_json::{Map, Value};

use super::endpoint::DEFAULT;
use super::{Endpoint, Endpoints};
use crate::error::{GatekeeperError, Result, field_name};
use crate::window::Limit;

impl Endpoints {
    /// Endpoints from `{NAME: {default: {maxReq, duration}, roles?: {ROLE: {maxReq, duration}}}}`; `maxReq` is 1 to
    /// 2³²−1, `duration` is in milliseconds, 1 to 366 days.
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

    /// An endpoint from the `ratelimits` of one verification: `{DEFAULT: {maxReq, duration}, ROLE: …}`.
    pub(crate) fn from_ratelimits(ratelimits: &Map<String, Value>) -> Result<Self> {
        let Some(default) = ratelimits.get(DEFAULT) else {
            return Err(GatekeeperError::bad_request(
                "ratelimits.DEFAULT is missing: give {maxReq, duration}",
            ));
        };
        let endpoint = Self::new(limit_from("ratelimits.DEFAULT", default)?);
        let roles = ratelimits.iter().filter(|(name, _)| *name != DEFAULT);
        with_roles(endpoint, "ratelimits", roles)
    }
}

fn endpoint_from(at: &str, value: &Value) -> Result<Endpoint> {
    let fields = object_of(at, value, &["default", "roles"])?;
    let Some(default) = fields.get("default") else {
        return Err(GatekeeperError::bad_request(format!(
            "{at}.default is missing: give {{maxReq, duration}}"
        )));
    };
    let endpoint = Endpoint::new(limit_from(&format!("{at}.default"), default)?);
    match fields.get("roles") {
        None | Some(Value::Null) => Ok(endpoint),
        Some(Value::Object(roles)) => with_roles(endpoint, &format!("{at}.roles"), roles),
        Some(_) => {
            Err(GatekeeperError::bad_request(format!("{at}.roles must be an object of limits by role")))
        }
    }
}

fn with_roles<'a>(
    mut endpoint: Endpoint,
    at: &str,
    roles: impl IntoIterator<Item = (&'a String, &'a Value)>,
) -> Result<Endpoint> {
    for (role, limit) in roles {
        let limit = limit_from(&format!("{at}.{role}"), limit)?;
        endpoint = endpoint
            .role(role, limit)
            .map_err(|error| GatekeeperError::bad_request(format!("{at}: {}", error.message())))?;
    }
    Ok(endpoint)
}

fn limit_from(at: &str, value: &Value) -> Result<Limit> {
    let fields = object_of(at, value, &["maxReq", "duration"])?;
    let whole = |field: &str, most: u64| {
        let number = fields.get(field).and_then(whole_number).filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| {
            let unit = if field == "duration" { " of milliseconds (366 days)" } else { "" };
            GatekeeperError::bad_request(format!(
                "{at}.{field} must be a whole number from 1 to {most}{unit}"
            ))
        })
    };
    let max_req = whole("maxReq", u64::from(u32::MAX))?;
    let duration_ms = whole("duration", Limit::MAX_DURATION_MS)?;
    Limit::new(u32::try_from(max_req).map_err(GatekeeperError::internal)?, duration_ms)
}

/// JavaScript has one kind of number: 60000 may arrive as 6e4 or 60000.0.
fn whole_number(value: &Value) -> Option<u64> {
    let whole = |float: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be a small whole number"
        )]
        let integer = (float.fract() == 0.0 && (0.0..=9e15).contains(&float)).then_some(float as u64);
        integer
    };
    value.as_u64().or_else(|| value.as_f64().and_then(whole))
}

fn object_of<'a>(at: &str, value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>> {
    let Value::Object(fields) = value else {
        return Err(GatekeeperError::bad_request(format!(
            "{at} must be an object with {}",
            known.join(" and ")
        )));
    };
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        None => Ok(fields),
        Some(unknown) => Err(GatekeeperError::bad_request(format!(
            "{at}.{} is not known here: {at} has {}",
            field_name(unknown),
            known.join(" and ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        Endpoints::from_json(json).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_limit_out_of_range_is_refused_by_endpoint_and_field() {
        for bad in ["0", "-1", "1.5", "null", "\"10\"", "4294967296", "1e300", "true"] {
            let message =
                refusal(&format!(r#"{{"GET": {{"default": {{"maxReq": {bad}, "duration": 1000}}}}}}"#));
            assert!(message.starts_with("endpoints.GET.default.maxReq must be a whole number"), "{message}");
        }
        for bad in ["0", "-1", "0.5", "null", "31622400001", "[]"] {
            let json = format!(
                r#"{{"GET": {{"default": {{"maxReq": 1, "duration": 1}}, "roles": {{"PRO": {{"maxReq": 1, "duration": {bad}}}}}}}}}"#
            );
            let message = refusal(&json);
            assert!(
                message.starts_with("endpoints.GET.roles.PRO.duration must be a whole number"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_shape_that_is_not_an_endpoint_is_refused_and_named() {
        let limit = r#"{"maxReq": 1, "duration": 1}"#;
        assert!(refusal("[]").starts_with("endpoints must be an object"));
        assert!(refusal(r#"{"GET": 5}"#).starts_with("endpoints.GET must be an object"));
        assert!(refusal(r#"{"GET": {}}"#).starts_with("endpoints.GET.default is missing"));
        assert!(
            refusal(&format!(r#"{{"GET": {{"default": {limit}, "role": {{}}}}}}"#))
                .contains("endpoints.GET.role is")
        );
        assert!(
            refusal(&format!(r#"{{"GET": {{"default": {limit}, "roles": []}}}}"#)).contains("roles must be")
        );
        assert!(
            refusal(&format!(r#"{{"GET": {{"default": {limit}, "roles": {{"": {limit}}}}}}}"#))
                .contains("empty")
        );
    }

    #[test]
    fn the_edges_of_the_ranges_are_allowed() {
        let json = r#"{"GET": {"default": {"maxReq": 4294967295, "duration": 31622400000}, "roles": null},
                       "": {"default": {"maxReq": 1, "duration": 1.0}, "roles": {"DEFAULT": {"maxReq": 6e4, "duration": 1}}}}"#;
        assert_eq!(Endpoints::from_json(json).unwrap().names().count(), 2);
    }
}
