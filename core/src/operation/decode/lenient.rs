//! Skips the fields of a request that its operation does not have.

use std::sync::{Mutex, PoisonError};

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::error::DecodeError;
use super::node::{Members, Node};
use crate::error::field_name;

/// The fields of a request. Those that its type does not have are ignored.
pub(super) struct Lenient<'de>(pub(super) Members<'de>);

impl<'de> Deserializer<'de> for Lenient<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        Node::Object(self.0).deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let mut members = self.0;
        members.retain(|(field, _)| {
            let is_known = fields.contains(&field.as_ref());
            if !is_known {
                log_once(name, field);
            }
            is_known
        });
        Node::Object(members).deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Logs that a field was ignored, once per type of request.
fn log_once(request: &'static str, field: &str) {
    static LOGGED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if !logged.contains(&request) {
        logged.push(request);
        drop(logged);
        tracing::warn!(request, field = field_name(field), "an unknown field was ignored");
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use crate::operation::{CreateKey, Request, UnknownFields};

    fn prefix(json: &str) -> Result<String, String> {
        let request = Request { unknown_fields: UnknownFields::Ignored, ..Request::from(json) };
        let created: crate::Result<CreateKey> = decode(request);
        created.map(|created| created.prefix).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn an_unknown_field_is_ignored_whatever_its_value() {
        for json in [
            r#"{"prefix": "a", "name2": 1}"#,
            r#"{"x": {"y": [1, {}]}, "prefix": "a", "x": null, "Prefix": "b"}"#,
            r#"{"": "", "pref\u0069x": "a"}"#,
        ] {
            assert_eq!(prefix(json).as_deref(), Ok("a"), "{json}");
        }
    }

    #[test]
    fn other_errors_in_a_request_are_still_rejected() {
        assert_eq!(prefix(r#"{"x": 1}"#).unwrap_err(), "prefix is missing");
        assert_eq!(prefix(r#"{"prefix": "a", "x": 1, "prefix": "b"}"#).unwrap_err(), "prefix is given twice");
        assert_eq!(prefix(r#"{"x": 1, "prefix": 5}"#).unwrap_err(), "prefix must be a string");
        assert_eq!(
            prefix(r#"{"x": 1, "prefix": "a", "roles": ["b", 1]}"#).unwrap_err(),
            "roles[1] must be a string"
        );
        for broken in ["", r#"{"x": }"#, r#"{"prefix": "a", "x": [1}"#, r#"{"prefix": "a"} x"#] {
            assert!(prefix(broken).unwrap_err().starts_with("the request is not JSON"), "{broken}");
        }
    }
}
