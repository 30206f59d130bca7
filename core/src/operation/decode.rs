//! Decodes requests in two steps. JSON becomes a tree, and the tree becomes the type of the request. `serde_json` only
//! reports where a text is not JSON; all other errors come from the second step, and are ours: those of serde repeat
//! the input, which may contain a secret.

mod deserializer;
mod error;
mod lenient;
mod node;

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::request::{Request, UnknownFields};
use crate::error::Result;
use error::DecodeError;
use lenient::Lenient;
use node::{Members, Node};

/// Decodes a request from its fields.
///
/// # Errors
/// `bad_request`; the message names the field and the allowed values.
pub(crate) fn decode<'a, T: DeserializeOwned>(request: impl Into<Request<'a>>) -> Result<T> {
    let request = request.into();
    let fields = fields_of(&request)?;
    let decoded = match request.unknown_fields {
        UnknownFields::Rejected => T::deserialize(Node::Object(fields)),
        UnknownFields::Ignored => T::deserialize(Lenient(fields)),
    };
    Ok(decoded?)
}

/// The fields of a path and a query, then those of the JSON object.
fn fields_of<'a>(request: &Request<'a>) -> Result<Members<'a>, DecodeError> {
    let Node::Object(given) = Node::parse(request.json)? else {
        return Err(DecodeError::not("an object"));
    };
    if request.texts.is_empty() {
        return Ok(given);
    }
    let mut fields: Members<'a> = Vec::with_capacity(request.texts.len() + given.len());
    for (name, value) in request.texts {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, Node::Params(values))) => values.push(value),
            _ => fields.push((Cow::Borrowed(name.as_str()), Node::Params(vec![value.as_str()]))),
        }
    }
    fields.extend(given);
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;

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
            decode::<crate::usage::SummarizeUsage>(period).unwrap_err().message(),
            "period must be one of hour, day, month"
        );
        for secret in ["gkr_7hQ2mXv9", "x7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a`b", "päss", ""] {
            let message = rejection(&format!(r#"{{"prefix": "a", "{secret}": 1}}"#));
            assert_eq!(message, "a field is not known here: see the reference for the fields of this call");
        }
        for broken in ["", "canary", "{\"prefix\": \"a\"", "{\"prefix\": \"a\"} x", "{\"prefix\": 1e999}"] {
            let message = rejection(broken);
            assert!(
                message.starts_with("the request is not JSON") && !message.contains("canary"),
                "{message}"
            );
        }
        assert_eq!(rejection("[]"), "the request must be an object");
    }

    #[test]
    fn a_list_of_values_without_names_is_rejected() {
        let rejection = |error: crate::GatekeeperError| error.message().to_owned();
        let login = decode::<crate::auth::Login>(r#"["a@example.com", "a password"]"#).unwrap_err();
        assert_eq!(rejection(login), "the request must be an object");
        assert_eq!(
            rejection(decode::<crate::auth::Logout>("[]").unwrap_err()),
            "the request must be an object"
        );
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let keys = format!(r#"{{"tenantId": "tnt_00000000000000000000000000", "keys": [["{digest}"]]}}"#);
        let import = decode::<crate::keys::ImportApiKeys>(keys.as_str()).unwrap_err();
        assert_eq!(rejection(import), "keys[0] must be an object");
        let import = decode::<crate::keys::ImportApiKeys>(
            r#"{"tenantId": "tnt_00000000000000000000000000", "keys": [{"digest": "x", "quotaLimit": "x"}]}"#,
        );
        assert_eq!(
            rejection(import.unwrap_err()),
            "keys[0].quotaLimit must be a whole number from 0 to 9007199254740991, or null for any amount, without quotes"
        );
    }

    #[test]
    fn an_error_in_an_object_of_a_list_names_the_whole_path() {
        let import = |key: &str| {
            let json = format!(
                r#"{{"tenantId": "tnt_00000000000000000000000000", "keys": [{{"digest": "x"}}, {key}]}}"#
            );
            decode::<crate::keys::ImportApiKeys>(json.as_str()).unwrap_err().message().to_owned()
        };
        assert_eq!(import("{}"), "keys[1].digest is missing");
        assert_eq!(import(r#"{"digest": "x", "digest": "y"}"#), "keys[1].digest is given twice");
        assert!(import(r#"{"digst": "x"}"#).starts_with("keys[1].digst is not known here"));
        assert!(import(r#"{"gkr_7hQ2": "x"}"#).starts_with("keys[1]: a field is not known here"));
        assert_eq!(import(r#"{"digest": "x", "scopes": ["a", {}]}"#), "keys[1].scopes[1] must be a string");
        assert_eq!(
            import(r#"{"digest": "x", "quotaPeriod": 7}"#),
            "keys[1].quotaPeriod must be one of hour, day, month"
        );
    }

    #[test]
    fn a_value_of_another_type_is_rejected_with_the_type_of_the_field() {
        let session = r#"{"sessionId": 7}"#;
        let error = decode::<crate::auth::RevokeSession>(session).unwrap_err();
        assert_eq!(error.message(), "sessionId must be a string");
        let error = decode::<crate::auth::RevokeSession>(r#"{"sessionId": "canary"}"#).unwrap_err();
        assert!(error.message().starts_with("sessionId must be a session id: \"ses_\" and 26"), "{error}");
        let options = crate::Options::from_json(r#"{"timeout": "canary"}"#).unwrap_err();
        assert_eq!(options.message(), "timeout must be a number");
        let options = crate::Options::from_json(r#"{"create": "true"}"#).unwrap_err();
        assert_eq!(options.message(), "create must be true or false");
    }

    #[test]
    fn text_that_is_not_json_is_rejected_with_its_position() {
        assert_eq!(rejection("{"), "the request is not JSON: it ends before it is complete");
        let message = rejection("{\n  canary}");
        assert!(message.ends_with("nested too deep: see line 2, column 3"), "{message}");
    }

    #[test]
    fn a_tree_holds_what_serde_json_parses() {
        for json in [
            "null",
            r#"[true, 1, -1, 18446744073709551615, 1.5, 1e300, "a", "\u00e9\n", [], {}]"#,
            r#"{"a": {"b": [{"c": null}]}, "\u0061b": 2, "": 3, "d": 1, "d": 2}"#,
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            let Ok(node) = Node::parse(json) else { panic!("{json}") };
            assert_eq!(serde_json::Value::deserialize(node).unwrap(), value, "{json}");
        }
        for json in ["", "[", "{} {}", "1e999", r#""\ud800""#, &"[".repeat(200)] {
            assert!(Node::parse(json).is_err(), "{json}");
        }
    }
}
