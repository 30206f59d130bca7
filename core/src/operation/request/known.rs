//! Skips the fields of a request that its operation does not have.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer as _, MapAccess, Visitor};

use crate::error::field_name;

/// A visitor, or the map that it reads, restricted to the fields of its type.
pub(super) struct Known<I> {
    /// The name of the type.
    pub(super) name: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) inner: I,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Known<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { name, fields, inner } = self;
        inner.visit_map(Known { name, fields, inner: map })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Known<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(field) = self.inner.next_key_seed(FieldOf(self.fields))? {
            match field {
                Field::Known(name) => return seed.deserialize(name.into_deserializer()).map(Some),
                Field::Unknown(name) => {
                    self.inner.next_value::<IgnoredAny>()?;
                    log_once(self.name, &name);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}

/// The name of a field: one of the type's, or unknown.
enum Field {
    Known(&'static str),
    Unknown(String),
}

/// Deserializes a name as one of these fields.
struct FieldOf(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldOf {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldOf {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        let known = self.0.iter().find(|field| **field == name);
        Ok(known.map_or_else(|| Field::Unknown(name.to_owned()), |known| Field::Known(known)))
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
    use crate::operation::decode::decode;
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
