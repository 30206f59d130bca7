use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::draft::{Draft, Known};
use super::given::Given;
use super::{ApiKey, CreatedApiKey, DEFAULT_PREFIX};
use crate::authz::{Access, Context, Reach, TenantRef, not_found};
use crate::error::Result;
use crate::id::TenantId;
use crate::key::{self, Prefix, check_scopes};
use crate::metering::Period;
use crate::operation::field::{Life, QuotaLimit};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::role;
use crate::whole::Range as _;

/// Creates a key in a tenant. The caller must have the scopes that it gives to the key. A key that an API key
/// creates has the same roles and, if the creating key has one, the same owner; it cannot exceed the expiry and the
/// quota of the creating key. These are also the defaults. The usage of the new key counts against the quota of the
/// creating key too.
///
/// ```
/// use gatekeeper::blocking::Gatekeeper;
/// use gatekeeper::keys::CreateApiKey;
/// let gatekeeper = Gatekeeper::open("memory:")?;
/// let tenant = gatekeeper.create_root_key("Acme Inc")?.tenant_id;
/// let created = gatekeeper.call(CreateApiKey {
///     name: Some("server-key".into()),
///     scopes: vec!["read".into(), "write".into()],
///     ..CreateApiKey::new(tenant)
/// })?;
/// assert!(created.plain_text_key.expose().starts_with("gk_live_"));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKey {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The key's name: at most 256 bytes. Defaults to no name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub name: Option<String>,
    /// The prefix of the key: 1 to 16 of `[A-Za-z0-9_-]`, with a letter or digit at both ends, not reserved.
    /// Defaults to `gk_live`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::prefix))]
    #[serde(default)]
    pub prefix: Option<String>,
    /// The id of the key's owner in your application: at most 256 bytes. Defaults to none; if an API key calls, to
    /// its owner.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub owner_id: Option<String>,
    /// The key's scopes: at most 100 distinct scopes of 1 to 128 bytes without spaces. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The key's roles, which select its rate limits: at most 1,000 distinct names of 1 to 128 bytes. Defaults to
    /// none; if an API key calls, to its roles.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Vec<String>,
    /// The key's quota in a period: 0 to 2⁵³ - 1. Defaults to no limit; if an API key calls, to its quota and the
    /// period of that.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<QuotaLimit>))]
    #[serde(default, deserialize_with = "QuotaLimit::read")]
    pub quota_limit: Option<i64>,
    /// The period of the quota. Defaults to `month`.
    #[serde(default)]
    pub quota_period: Period,
    /// The key's lifetime in seconds, 1 second to 100 years. Defaults to no expiry; if an API key calls, to its
    /// expiry.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Life>))]
    #[serde(default, deserialize_with = "Life::read")]
    pub expires_in_seconds: Option<u64>,
    /// Your own metadata: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

impl CreateApiKey {
    /// A key of this tenant with defaults for the rest.
    #[must_use]
    pub fn new(tenant_id: TenantId) -> Self {
        Self {
            tenant_id,
            name: None,
            prefix: None,
            owner_id: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            quota_limit: None,
            quota_period: Period::default(),
            expires_in_seconds: None,
            metadata: None,
        }
    }

    /// Checks the fields.
    pub(super) fn draft(self) -> Result<Draft> {
        let given = Given {
            name: self.name.as_deref(),
            owner_id: self.owner_id.as_deref(),
            metadata: self.metadata.as_ref(),
            quota_limit: self.quota_limit,
            expires_in_seconds: self.expires_in_seconds,
        };
        given.check()?;
        Ok(Draft {
            prefix: Prefix::new(self.prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()))?,
            name: self.name,
            metadata: self.metadata,
            expires_in_seconds: self.expires_in_seconds,
            reach: Reach {
                scopes: check_scopes(self.scopes)?,
                roles: role::normalize(self.roles)?,
                owner_id: self.owner_id,
                expires_at: None,
                quota_limit: self.quota_limit,
                quota_period: self.quota_period,
            },
        })
    }
}

/// A [`CreateApiKey`] whose fields are valid.
#[derive(Debug)]
pub struct NewApiKey {
    tenant: TenantId,
    draft: Draft,
}

impl Operation for CreateApiKey {
    type Checked = NewApiKey;
    type Output = CreatedApiKey;
    const NAME: &'static str = "keys.create";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys", 201);
    const ACCESS: Access = Access::Tenant("keys:write");

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<NewApiKey> {
        Ok(NewApiKey { tenant: self.tenant_id, draft: self.draft()? })
    }

    fn run(NewApiKey { tenant, draft }: NewApiKey, context: &Context<'_>) -> Result<CreatedApiKey> {
        let now = context.now();
        let plain_text_key = key::generate(&draft.prefix)?;
        let record = context.write(|tx, context| {
            tx.tenant(tenant)?.ok_or_else(not_found)?;
            let known = Known { digest: &plain_text_key.digest(), hashed_suffix: None };
            draft.add(context, tx, &context.ceiling(tx)?, tenant, &known, now)
        })?;
        let api_key = ApiKey::new(record.ok_or_else(not_found)?, now)?;
        Ok(CreatedApiKey { api_key, plain_text_key })
    }
}
