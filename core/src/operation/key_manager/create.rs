use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authz::{Access, Context, Reach};
use crate::error::{GatekeeperError, Result};
use crate::id::KeyId;
use crate::key::{self, Prefix};
use crate::metering::Period;
use crate::operation::field::{Life, check_metadata, check_text};
use crate::operation::keys::{Draft, Known};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::role;
use crate::secret::Secret;
use crate::whole::Range as _;

/// Creates a user's key.
///
/// ```
/// use gatekeeper::blocking::Gatekeeper;
/// use gatekeeper::key_manager::CreateKey;
/// let gatekeeper = Gatekeeper::open("memory:")?;
/// let created = gatekeeper.call(CreateKey { roles: vec!["PRO".into()], ..CreateKey::new("user") })?;
/// assert!(created.api_key.expose().starts_with("user_"));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKey {
    /// The prefix of the key: 1 to 64 of `[A-Za-z0-9._~+-]`. Not `gkr` or `gkp`, and not beginning with `gkr_` or
    /// `gkp_`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::wide_prefix))]
    pub prefix: String,
    /// The key's roles: at most 1,000 distinct names of 1 to 128 bytes. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Vec<String>,
    /// The id of the key's owner in your application: at most 256 bytes. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub owner_id: Option<String>,
    /// The key's name: at most 256 bytes. Defaults to no name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub name: Option<String>,
    /// The key's lifetime in seconds, 1 second to 100 years. Defaults to no expiry.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Life>))]
    #[serde(default, deserialize_with = "Life::read")]
    pub expires_in_seconds: Option<u64>,
    /// Your own metadata: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// A new key and its secret.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreatedKey {
    /// The key itself. It is not stored and cannot be shown again.
    #[serde(with = "ExposeSecret")]
    pub api_key: Secret,
    /// The key's id.
    pub id: KeyId,
    /// The key's roles, sorted by bytes.
    pub roles: Arc<[String]>,
}

impl CreateKey {
    /// A key with this prefix and defaults for the rest.
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
    type Checked = Draft;
    type Output = CreatedKey;
    const NAME: &'static str = "keyManager.createKey";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys", 200);
    const ACCESS: Access = Access::KeyManager;

    fn check(self) -> Result<Draft> {
        let prefix = Prefix::wide(self.prefix)?;
        let roles = role::normalize(self.roles)?;
        check_text("ownerId", self.owner_id.as_deref())?;
        check_text("name", self.name.as_deref())?;
        check_metadata(self.metadata.as_ref())?;
        Life::check("expiresInSeconds", self.expires_in_seconds)?;
        Ok(Draft {
            prefix,
            name: self.name,
            metadata: self.metadata,
            expires_in_seconds: self.expires_in_seconds,
            reach: Reach {
                scopes: Vec::new(),
                roles,
                owner_id: self.owner_id,
                expires_at: None,
                quota_limit: None,
                quota_period: Period::default(),
            },
        })
    }

    fn run(draft: Draft, context: &Context<'_>) -> Result<CreatedKey> {
        let (now, api_key) = (context.now(), key::generate(&draft.prefix)?);
        let known = Known { digest: &api_key.digest(), hashed_suffix: None };
        let added = context.write(|tx, context| {
            draft.add(context, tx, &context.ceiling(tx)?, context.home(), &known, now)
        })?;
        let added = added.ok_or_else(|| GatekeeperError::internal("a new key that exists already"))?;
        Ok(CreatedKey { api_key, id: added.id, roles: added.roles.into() })
    }
}
