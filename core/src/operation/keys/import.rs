mod digest;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::given::Given;
use super::{ApiKey, USUAL_PREFIX};
use crate::access::{Access, Context, Event, TenantRef, check_scopes, may_grant, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key::Prefix;
use crate::metering::Period;
use crate::operation::field::{check_text, end_of_life, to_text};
use crate::operation::objects::objects;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route, Wire};
use crate::role;
use crate::secret::Secret;
use crate::store::{Failure, KeyRecord, NewKey, Quota, Tx};

/// The most keys of one call.
const MOST_KEYS: usize = 1000;
/// The most different suffixes of a place: a key that does not have our form is looked up with each of them.
const MOST_SUFFIXES: usize = 8;

/// Brings keys of another product into a tenant by their digests, so that their holders can go on using them: all of them
/// or none. Nobody gives them more scopes than they have.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportApiKeys {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The keys: 1 to 1,000.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MOST_KEYS)))]
    #[serde(deserialize_with = "objects")]
    pub keys: Vec<ForeignKey>,
}

/// A key of another product.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignKey {
    /// SHA-256 of the key, and of the suffix after it where there is one, in hex or base64. No two keys share one.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::digest))]
    #[serde(with = "Wire")]
    pub digest: Secret,
    /// What was hashed after the key: at most 256 bytes, stored as it is. Defaults to nothing. A place has at most 8
    /// different ones.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub suffix: Option<String>,
    /// What the key's next secret begins with, when it is rotated: as for a new key. Defaults to `gk_live`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::prefix))]
    #[serde(default)]
    pub prefix: Option<String>,
    /// What it is called: at most 256 bytes. Defaults to no name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub name: Option<String>,
    /// Whose it is in your application: at most 256 bytes. Defaults to nobody's.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub owner_id: Option<String>,
    /// What it may do: at most 100 different ones of 1 to 128 bytes without spaces. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What chooses its rate limits: at most 1,000 different names of 1 to 128 bytes. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Vec<String>,
    /// How much it may use in a period: 0 to 2⁵³ - 1. Defaults to anything.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::quota))]
    #[serde(default)]
    pub quota_limit: Option<i64>,
    /// The period of its quota. Defaults to `month`.
    #[serde(default)]
    pub quota_period: Period,
    /// How long it is good from now on, 1 second to 100 years. Defaults to for ever.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::life))]
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
    /// Anything of yours: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// The keys that were brought in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportedApiKeys {
    /// In the order of the request.
    pub api_keys: Vec<ApiKey>,
}

impl ForeignKey {
    /// A key by its digest, with all else by default.
    #[must_use]
    pub fn new(digest: Secret) -> Self {
        Self {
            digest,
            suffix: None,
            prefix: None,
            name: None,
            owner_id: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            quota_limit: None,
            quota_period: Period::default(),
            expires_in_seconds: None,
            metadata: None,
        }
    }

    fn check(&self) -> Result<()> {
        let given = Given {
            name: self.name.as_deref(),
            owner_id: self.owner_id.as_deref(),
            metadata: self.metadata.as_ref(),
            quota_limit: self.quota_limit,
            expires_in_seconds: self.expires_in_seconds,
        };
        given.check()?;
        digest::parse(&self.digest)?;
        check_text("suffix", self.suffix.as_deref())?;
        self.prefix()?;
        check_scopes(self.scopes.clone())?;
        role::normalize(self.roles.clone()).map(drop)
    }

    fn prefix(&self) -> Result<Prefix> {
        Prefix::new(self.prefix.as_deref().unwrap_or(USUAL_PREFIX).to_owned())
    }

    fn add(self, context: &Context<'_>, tx: &mut Tx<'_>, tenant: TenantId) -> Result<KeyRecord, Failure> {
        let now = context.now();
        let id = KeyId::generate(context.clock())?;
        let is_new = tx.add_key(&NewKey {
            id,
            tenant,
            digest: &digest::parse(&self.digest)?,
            prefix: self.prefix()?.as_str(),
            roles: &role::normalize(self.roles)?,
            owner_id: self.owner_id.as_deref(),
            name: self.name.as_deref(),
            metadata: self.metadata.as_ref().map(to_text).as_deref(),
            expires_at: self.expires_in_seconds.map(|seconds| end_of_life(now, seconds)),
            created_at: now,
            scopes: &check_scopes(self.scopes)?,
            quota: Quota { limit: self.quota_limit, period: self.quota_period.as_str() },
            hashed_suffix: Some(self.suffix.as_deref().unwrap_or_default()),
        })?;
        if !is_new {
            return Err(
                conflict("a digest is given twice or is a key's already: nothing was imported").into()
            );
        }
        context.audit(tx, Event::new("key.imported").about(&id))?;
        Ok(tx.key(id)?.ok_or_else(not_found)?)
    }
}

impl Operation for ImportApiKeys {
    type Output = ImportedApiKeys;
    const NAME: &'static str = "keys.import";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/import", 201);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "keys"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(&self) -> Result<()> {
        if !(1..=MOST_KEYS).contains(&self.keys.len()) {
            let found = self.keys.len();
            return Err(GatekeeperError::bad_request(format!("keys must be 1 to {MOST_KEYS}, not {found}")));
        }
        self.keys.iter().enumerate().try_for_each(|(place, key)| {
            key.check()
                .map_err(|error| GatekeeperError::bad_request(format!("keys[{place}]: {}", error.message())))
        })
    }

    async fn run(self, context: &Context<'_>) -> Result<ImportedApiKeys> {
        let records: Vec<KeyRecord> = context.write(|tx, context| {
            self.keys.iter().try_for_each(|key| may_grant(context, &key.scopes))?;
            tx.tenant(self.tenant_id)?.ok_or_else(not_found)?;
            let add = |key: ForeignKey| key.add(context, tx, self.tenant_id);
            let records = self.keys.into_iter().map(add).collect::<Result<_, _>>()?;
            if tx.imported_suffixes()?.len() > MOST_SUFFIXES {
                let message =
                    format!("a place has at most {MOST_SUFFIXES} different suffixes: nothing was imported");
                return Err(conflict(message).into());
            }
            Ok(records)
        })?;
        let now = context.now();
        let api_keys = records.into_iter().map(|record| ApiKey::new(record, now)).collect::<Result<_>>()?;
        Ok(ImportedApiKeys { api_keys })
    }
}

fn conflict(message: impl Into<String>) -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Conflict, message)
}
