//! A key id that is validated after the rest of the request.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Result;
use crate::id::KeyId;

/// A key id, or a value that is not one. The key manager reports an invalid id only after all other checks.
#[derive(Clone, Copy, Default)]
pub struct LenientKeyId(Option<KeyId>);

impl LenientKeyId {
    /// The id.
    ///
    /// # Errors
    /// `InvalidId` if the caller passed something else.
    pub(super) fn get(self) -> Result<KeyId> {
        self.0.map_or_else(|| "".parse(), Ok)
    }
}

impl From<KeyId> for LenientKeyId {
    fn from(id: KeyId) -> Self {
        Self(Some(id))
    }
}

impl fmt::Debug for LenientKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => fmt::Debug::fmt(&id, f),
            None => f.write_str("[not an id]"),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for LenientKeyId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        KeyId::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        KeyId::json_schema(generator)
    }
}

impl Serialize for LenientKeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LenientKeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value.as_str().and_then(|text| text.parse().ok())))
    }
}
