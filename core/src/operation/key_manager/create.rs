use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::{self, Prefix};
use crate::operation::field::{Life, check_metadata, check_text, end_of_life, to_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::role;
use crate::secret::Secret;
use crate::store::{NewKey, Quota};
use crate::whole::Range as _;

/// Creates a user's key.
///
/// ```
/// use gatekeeper::{CreateKey, Gatekeeper};
/// let gatekeeper = Gatekeeper::open("memory:")?;
/// let created = gatekeeper.call_blocking(CreateKey { roles: vec!["PRO".into()], ..CreateKey::new("user") })?;
/// assert!(created.api_key.expose().starts_with("user_"));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKey {
    /// What the key begins with: 1 to 64 of `[A-Za-z0-9._~+-]`. Not `gkr` or `gkp`, and nothing that starts with `gkr_` or
    /// `gkp_`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::wide_prefix))]
    pub prefix: String,
    /// At most 1,000 different names of 1 to 128 bytes. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whose key it is: at most 256 bytes. Defaults to nobody's.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub owner_id: Option<String>,
    /// What the key is called: at most 256 bytes. Defaults to no name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub name: Option<String>,
    /// How long the key is good, 1 second to 100 years. Defaults to for ever.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Life>))]
    #[serde(default, deserialize_with = "Life::read")]
    pub expires_in_seconds: Option<u64>,
    /// Anything of yours: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// A new key.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedKey {
    /// The key itself; it is not stored and cannot be shown again.
    #[serde(with = "ExposeSecret")]
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
        let prefix = Prefix::wide(self.prefix)?;
        let roles = role::normalize(self.roles)?;
        check_text("ownerId", self.owner_id.as_deref())?;
        check_text("name", self.name.as_deref())?;
        check_metadata(self.metadata.as_ref())?;
        Life::check("expiresInSeconds", self.expires_in_seconds)?;

        let now = context.now();
        let id = KeyId::generate(context.clock())?;
        let api_key = key::generate(&prefix)?;
        let (digest, metadata) = (api_key.digest(), self.metadata.as_ref().map(to_text));
        context.write(|tx, context| {
            let new = NewKey {
                id,
                tenant: context.home(),
                digest: &digest,
                prefix: prefix.as_str(),
                roles: &roles,
                owner_id: self.owner_id.as_deref(),
                name: self.name.as_deref(),
                metadata: metadata.as_deref(),
                expires_at: self.expires_in_seconds.map(|seconds| end_of_life(now, seconds)),
                created_at: now,
                scopes: &[],
                quota: Quota::NONE,
                hashed_suffix: None,
                created_by: context.creator(),
            };
            context.within_bounds(tx, context.home(), |tx| tx.add_key(&new))?;
            context.audit(tx, Event::new(Action::KeyCreated).of_tenant(context.home()).about(&id))
        })?;
        Ok(CreatedKey { api_key, id, roles: roles.into() })
    }
}
