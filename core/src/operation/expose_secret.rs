//! How requests and responses carry secrets as plain text: `#[serde(with = "ExposeSecret")]`, and
//! `ExposeOptionalSecret` for an optional field. Nothing else reads or writes a secret as JSON.

use serde::{Deserialize, Deserializer, Serializer};

use crate::secret::Secret;

/// The serde helper for a secret.
pub(super) struct ExposeSecret;

impl ExposeSecret {
    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// The serde helper for an optional secret.
pub(super) struct ExposeOptionalSecret;

impl ExposeOptionalSecret {
    #[allow(clippy::ref_option, reason = "serde passes a reference to the field")]
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
