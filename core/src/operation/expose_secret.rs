//! The only way a secret is read from a request or written into an answer: `#[serde(with = "ExposeSecret")]`, and `ExposeOptionalSecret` for
//! one that may be left out.

use serde::{Deserialize, Deserializer, Serializer};

use crate::secret::Secret;

/// A secret on the wire.
pub(super) struct ExposeSecret;

impl ExposeSecret {
    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// A secret on the wire that may be left out.
pub(super) struct ExposeOptionalSecret;

impl ExposeOptionalSecret {
    #[allow(clippy::ref_option, reason = "serde gives the field so")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => serializer.serialize_some(secret.expose()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ExposeOptionalSecret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OptionalSecret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "null"], "format": "password" })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ExposeSecret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password" })
    }
}
