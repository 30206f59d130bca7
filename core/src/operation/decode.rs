//! Decodes requests. The errors are our own: those of serde repeat the input, which may contain a secret.

use serde::de::DeserializeOwned;

use super::request::{Gathered, Request};
use crate::error::{GatekeeperError, Result, field_name};
use crate::verify::EXPECTED_TENANTS;
use crate::whole::WHOLE;

/// Decodes a request from its fields.
///
/// # Errors
/// `bad_request`; the message names the field and the allowed values.
pub(crate) fn decode<'a, T: DeserializeOwned>(request: impl Into<Request<'a>>) -> Result<T> {
    let mut deserializer = Gathered::new(request.into());
    let decoded = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, &error.into_inner())
    })?;
    deserializer.end().map_err(|_| not_json())?;
    Ok(decoded)
}

fn explain(path: &str, error: &serde_json::Error) -> GatekeeperError {
    if !error.is_data() {
        return not_json();
    }
    // The message of serde. Only the names of our fields and types are copied from it.
    let text = error.to_string();
    let named = || text.split('`').nth(1).unwrap_or_default();
    let field = if path == "." { "the request" } else { path };
    GatekeeperError::bad_request(if text.starts_with("missing field") {
        format!("{} is missing", named())
    } else if text.starts_with("unknown field") {
        format!("{} is not known here: see the reference for the fields of this call", unknown_field(&text))
    } else if text.starts_with("duplicate field") {
        format!("{} is given twice", named())
    } else if text.starts_with("unknown variant") {
        format!("{field} must be one of {}", known(&text))
    } else if let Some(expected) = text.rsplit_once(", expected ").map(|(_, expected)| plain(expected)) {
        let is_quoted = expected.starts_with(WHOLE) && text.starts_with("invalid type: string");
        format!("{field} must be {expected}{}", if is_quoted { ", without quotes" } else { "" })
    } else if let Some(id) = text.strip_prefix("id must be ") {
        // The message of `Id`.
        format!("{field} must be {}", id.split(" at line").next().unwrap_or_default())
    } else {
        format!("{field} is not valid")
    })
}

/// The name of the unknown field, unless it may be a secret.
fn unknown_field(text: &str) -> &str {
    let mut parts = text.splitn(3, '`').skip(1);
    match (parts.next(), parts.next()) {
        (Some(name), Some(known)) if known.starts_with(", ") => field_name(name),
        // The name contains a backtick.
        _ => field_name(""),
    }
}

/// The known names in a message of serde. They follow the name that was sent, which may imitate the same form.
fn known(text: &str) -> String {
    let names = text.rsplit_once(", expected ").map_or("", |(_, names)| names);
    let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
    names.join(", ")
}

/// A type in the caller's terms.
fn plain(expected: &str) -> &str {
    match expected.split(" at line").next().unwrap_or_default() {
        "a sequence" => "a list",
        "a boolean" => "true or false",
        known @ ("a string" | EXPECTED_TENANTS) => known,
        range if range.starts_with(WHOLE) => range,
        _ => "an object",
    }
}

fn not_json() -> GatekeeperError {
    GatekeeperError::bad_request(
        "the request is not JSON, holds a number out of range, or is nested too deep",
    )
}

#[cfg(test)]
mod tests {
    use super::super::CreateKey;
    use super::*;

    #[test]
    fn an_unknown_variant_is_rejected_with_the_list_of_variants() {
        let member = |role: &str| {
            let json = format!(
                r#"{{"tenantId": "tnt_00000000000000000000000000", "userId": "usr_00000000000000000000000000", "role": "{role}"}}"#
            );
            decode::<super::super::UpdateMember>(json.as_str()).unwrap_err().message().to_owned()
        };
        for role in ["canary", "", "x`, expected `y"] {
            assert_eq!(member(role), "role must be one of member, admin, owner");
        }
    }

    fn rejection(json: &str) -> String {
        decode::<CreateKey>(json).unwrap_err().message().to_owned()
    }

    #[test]
    fn an_error_names_the_field_and_does_not_repeat_the_input() {
        assert_eq!(rejection("{}"), "prefix is missing");
        assert_eq!(rejection(r#"{"prefix": "a", "prefix": "b"}"#), "prefix is given twice");
        assert_eq!(rejection(r#"{"prefix": 5}"#), "prefix must be a string");
        assert_eq!(rejection(r#"{"prefix": "a", "roles": "canary"}"#), "roles must be a list");
        assert_eq!(rejection(r#"{"prefix": "a", "roles": ["x", 1]}"#), "roles[1] must be a string");
        assert_eq!(rejection(r#"{"prefix": "a", "metadata": "canary"}"#), "metadata must be an object");
        let expires = "expiresInSeconds must be a whole number from 1 to 3155760000 (100 years)";
        for wrong in ["1.5", "0", "3155760001", "-1", "1e300", "true", "{}"] {
            assert_eq!(rejection(&format!(r#"{{"prefix": "a", "expiresInSeconds": {wrong}}}"#)), expires);
        }
        assert_eq!(
            rejection(r#"{"prefix": "a", "expiresInSeconds": "60"}"#),
            format!("{expires}, without quotes")
        );
        assert!(rejection(r#"{"prefix": "a", "role": ["canary"]}"#).starts_with("role is not known here"));
        assert_eq!(rejection(r#"{"prefix": "a", "roles": "x, expected y"}"#), "roles must be a list");
        let period =
            r#"{"tenantId": "tnt_00000000000000000000000000", "period": "canary, expected `x` at line"}"#;
        assert_eq!(
            decode::<crate::SummarizeUsage>(period).unwrap_err().message(),
            "period must be one of hour, day, month"
        );
        for secret in ["gkr_7hQ2mXv9", "x7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a`b", "päss", ""] {
            let message = rejection(&format!(r#"{{"prefix": "a", "{secret}": 1}}"#));
            assert_eq!(message, "a field is not known here: see the reference for the fields of this call");
        }
        for broken in ["", "canary", "{\"prefix\": \"a\"", "{\"prefix\": \"a\"} x"] {
            assert!(rejection(broken).starts_with("the request is not JSON"));
        }
        assert_eq!(rejection("[]"), "the request must be an object");
    }

    #[test]
    fn a_list_of_values_without_names_is_rejected() {
        let rejection = |error: GatekeeperError| error.message().to_owned();
        let login = decode::<crate::Login>(r#"["a@example.com", "a password"]"#).unwrap_err();
        assert_eq!(rejection(login), "the request must be an object");
        assert_eq!(rejection(decode::<crate::Logout>("[]").unwrap_err()), "the request must be an object");
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let keys = format!(r#"{{"tenantId": "tnt_00000000000000000000000000", "keys": [["{digest}"]]}}"#);
        let import = decode::<crate::ImportApiKeys>(keys.as_str()).unwrap_err();
        assert_eq!(rejection(import), "keys[0] must be an object");
        let import = decode::<crate::ImportApiKeys>(
            r#"{"tenantId": "tnt_00000000000000000000000000", "keys": [{"digest": "x", "quotaLimit": "x"}]}"#,
        );
        assert_eq!(
            rejection(import.unwrap_err()),
            "keys[0].quotaLimit must be a whole number from 0 to 9007199254740991, or null for any amount, without quotes"
        );
    }
}
