use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::now;
use crate::access::{Access, Context};
use crate::error::{GatekeeperError, Result};
use crate::id::KeyId;
use crate::key::{self, Prefix};
use crate::operation::{Method, Operation, Route, wire};
use crate::role;
use crate::secret::Secret;
use crate::store::NewKey;

/// The longest `name` and `ownerId`, in bytes of UTF-8.
const MOST_TEXT: usize = 256;
/// The most metadata, in bytes of JSON.
const MOST_METADATA: usize = 8 * 1024;
/// The longest life of a key that ends: 100 years of 365.25 days.
const MOST_SECONDS: u64 = 3_155_760_000;

/// Creates a user's key.
///
/// ```
/// use gatekeeper::{CreateKey, Gatekeeper};
/// let gatekeeper = Gatekeeper::open("memory:")?;
/// let created = gatekeeper.call_blocking(CreateKey { roles: vec!["PRO".into()], ..CreateKey::new("user") })?;
/// assert!(created.api_key.expose().starts_with("user_"));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKey {
    /// 1 to 16 of `[A-Za-z0-9_-]`, a letter or digit at both ends, not reserved.
    pub prefix: String,
    /// At most 1,000 different names of 1 to 128 bytes. Defaults to none.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whose key it is: at most 256 bytes. Defaults to nobody's.
    #[serde(default)]
    pub owner_id: Option<String>,
    /// What the key is called: at most 256 bytes. Defaults to no name.
    #[serde(default)]
    pub name: Option<String>,
    /// How long the key is good, 1 second to 100 years. Defaults to for ever.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
    /// Anything of yours: an object of at most 8 KiB of JSON. Defaults to none.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// A new key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedKey {
    /// The key itself; it is not stored and cannot be shown again.
    #[serde(with = "wire")]
    pub api_key: Secret,
    /// Its id.
    pub id: KeyId,
    /// Its roles, sorted by bytes.
    pub roles: Arc<[String]>,
}

impl CreateKey {
    /// A key with this prefix and all else by default.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            roles: Vec::new(),
            owner_id: None,
            name: None,
            expires_in_seconds: None,
            metadata: None,
        }
    }
}

impl Operation for CreateKey {
    type Output = CreatedKey;
    const NAME: &'static str = "keyManager.createKey";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys", 200);
    const ACCESS: Access = Access::KeyManager;

    async fn run(self, context: &Context<'_>) -> Result<CreatedKey> {
        let prefix = Prefix::new(self.prefix)?;
        let roles = role::normalize(self.roles)?;
        check_text("ownerId", self.owner_id.as_deref())?;
        check_text("name", self.name.as_deref())?;
        let metadata = self.metadata.map(metadata_text).transpose()?;
        let created_at = now(context);
        let expires_at =
            self.expires_in_seconds.map(|seconds| end_of_life(created_at, seconds)).transpose()?;

        let engine = context.engine();
        let id = KeyId::generate(engine.clock())?;
        let api_key = key::generate(&prefix)?;
        engine.store().add_key(&NewKey {
            id,
            tenant: context.home(),
            digest: &api_key.digest(),
            prefix: prefix.as_str(),
            roles: &roles,
            owner_id: self.owner_id.as_deref(),
            name: self.name.as_deref(),
            metadata: metadata.as_deref(),
            expires_at,
            created_at,
        })?;
        Ok(CreatedKey { api_key, id, roles: roles.into() })
    }
}

fn check_text(field: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.len() > MOST_TEXT => {
            Err(GatekeeperError::bad_request(format!("{field} must not be longer than {MOST_TEXT} bytes")))
        }
        Some(text) if text.contains('\0') => {
            Err(GatekeeperError::bad_request(format!("{field} must not contain U+0000")))
        }
        _ => Ok(()),
    }
}

fn metadata_text(metadata: Map<String, Value>) -> Result<String> {
    let metadata = Value::Object(metadata);
    let text = metadata.to_string();
    if text.len() > MOST_METADATA {
        return Err(GatekeeperError::bad_request("metadata must not be longer than 8 KiB of JSON"));
    }
    if contains_nul(&metadata) {
        return Err(GatekeeperError::bad_request("metadata must not contain U+0000"));
    }
    Ok(text)
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(contains_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || contains_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn end_of_life(now: i64, seconds: u64) -> Result<i64> {
    if !(1..=MOST_SECONDS).contains(&seconds) {
        return Err(GatekeeperError::bad_request(format!(
            "expiresInSeconds must be a whole number from 1 to {MOST_SECONDS} (100 years)"
        )));
    }
    Ok(now.saturating_add_unsigned(seconds * 1000))
}
