mod digest;
mod suffixes;

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::draft::{Draft, Known};
use super::{ApiKey, CreateApiKey, DEFAULT_PREFIX};
use crate::authz::{Access, Context, TenantRef, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::TenantId;
use crate::key::Prefix;
use crate::metering::Period;
use crate::operation::field::{Life, QuotaLimit, check_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::{Digest, Secret};
use crate::store::KeyRecord;
use crate::whole::Range as _;
use suffixes::Placeholders;
pub(super) use suffixes::Suffixes;

/// The maximum number of keys in one call.
const MAX_KEYS: usize = 1000;

/// Imports keys of another product into a tenant by their digests, so that clients can go on using them. Either all
/// keys are imported or none. Only a root key and the operator may call it. With the setting `keyImports =
/// members`, so may members and API keys with `keys:write`, each within their own rights. The digest of a
/// placeholder such as `undefined`, `null` or `test` is rejected.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportApiKeys {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The keys to import: 1 to 1,000.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_KEYS)))]
    pub keys: Vec<ForeignKey>,
}

/// A key of another product, by its digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignKey {
    /// The SHA-256 of the key, followed by the suffix if there is one, in hex or base64. No two keys can have the
    /// same digest. Keys of more than 4,096 bytes are never valid.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::digest))]
    #[serde(with = "ExposeSecret")]
    pub digest: Secret,
    /// The suffix that was hashed after the key: at most 256 bytes, stored in plain text. Defaults to none. The
    /// keys of a tenant can have at most 2 distinct suffixes and those of a database 8, unless the operator raises
    /// these limits. Revoked and expired keys do not count.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub suffix: Option<String>,
    /// The prefix of the secret that a rotation creates: as for a new key, but at most 256 bytes. A prefix that a
    /// new key cannot have is replaced by the default, with a warning. Defaults to `gk_live`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub prefix: Option<String>,
    /// The key's name: at most 256 bytes. Defaults to no name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub name: Option<String>,
    /// The id of the key's owner in your application: at most 256 bytes. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub owner_id: Option<String>,
    /// The key's scopes: at most 100 distinct scopes of 1 to 128 bytes without spaces. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The key's roles, which select its rate limits: at most 1,000 distinct names of 1 to 128 bytes. Defaults to
    /// none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Vec<String>,
    /// The key's quota in a period: 0 to 2⁵³ - 1. Defaults to no limit.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<QuotaLimit>))]
    #[serde(default, deserialize_with = "QuotaLimit::read")]
    pub quota_limit: Option<i64>,
    /// The period of the quota. Defaults to `month`.
    #[serde(default)]
    pub quota_period: Period,
    /// The key's lifetime from now on in seconds, 1 second to 100 years. Defaults to no expiry.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Life>))]
    #[serde(default, deserialize_with = "Life::read")]
    pub expires_in_seconds: Option<u64>,
    /// Your own metadata: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// The imported keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImportedApiKeys {
    /// The keys, in the order of the request.
    pub api_keys: Vec<ApiKey>,
    /// The changes that the import made to the given keys, in the order of the request.
    #[serde(default)]
    pub warnings: Vec<ImportWarning>,
}

/// A change that the import made to a given key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ImportWarning {
    /// The index of the key in the request, from 0.
    pub index: u32,
    /// A message that says what was changed, and why.
    pub message: String,
}

impl ForeignKey {
    /// A key with this digest and defaults for the rest.
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

    /// Checks the fields. A prefix that a new key cannot have is replaced by the default; the warning says so.
    fn check(self, tenant_id: TenantId) -> Result<(CheckedKey, Option<String>)> {
        let digest = digest::parse(&self.digest)?;
        check_text("suffix", self.suffix.as_deref())?;
        check_text("prefix", self.prefix.as_deref())?;
        let (prefix, warning) = match self.prefix.clone().map(Prefix::new) {
            Some(Err(error)) => {
                let message =
                    format!("{}: the key's next secret begins with {DEFAULT_PREFIX}", error.message());
                (None, Some(message))
            }
            _ => (self.prefix, None),
        };
        // The request that would create this key.
        let described = CreateApiKey {
            tenant_id,
            name: self.name,
            prefix,
            owner_id: self.owner_id,
            scopes: self.scopes,
            roles: self.roles,
            quota_limit: self.quota_limit,
            quota_period: self.quota_period,
            expires_in_seconds: self.expires_in_seconds,
            metadata: self.metadata,
        };
        let suffix = self.suffix.unwrap_or_default();
        Ok((CheckedKey { digest, suffix, draft: described.draft()? }, warning))
    }
}

/// A [`ForeignKey`] whose fields are valid.
struct CheckedKey {
    digest: Digest,
    suffix: String,
    draft: Draft,
}

/// An [`ImportApiKeys`] whose fields are valid. `Debug` does not show the digests.
pub struct Import {
    tenant: TenantId,
    keys: Vec<CheckedKey>,
    warnings: Vec<ImportWarning>,
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Operation for ImportApiKeys {
    type Checked = Import;
    type Output = ImportedApiKeys;
    const NAME: &'static str = "keys.import";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/import", 201);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "keys"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Import> {
        if !(1..=MAX_KEYS).contains(&self.keys.len()) {
            let found = self.keys.len();
            return Err(GatekeeperError::bad_request(format!("keys must be 1 to {MAX_KEYS}, not {found}")));
        }
        let (mut keys, mut warnings) = (Vec::with_capacity(self.keys.len()), Vec::new());
        for (index, key) in (0..).zip(self.keys) {
            let (key, warning) = key.check(self.tenant_id).map_err(|error| {
                GatekeeperError::bad_request(format!("keys[{index}]: {}", error.message()))
            })?;
            keys.push(key);
            warnings.extend(warning.map(|message| ImportWarning { index, message }));
        }
        Ok(Import { tenant: self.tenant_id, keys, warnings })
    }

    fn run(import: Import, context: &Context<'_>) -> Result<ImportedApiKeys> {
        context.check_may_import()?;
        let Import { tenant, keys, warnings } = import;
        let now = context.now();
        let records: Vec<KeyRecord> = context.write(|tx, context| {
            tx.tenant(tenant)?.ok_or_else(not_found)?;
            let (ceiling, before) = (context.ceiling(tx)?, Suffixes::of(context, tx, tenant)?);
            let given: HashSet<&str> = keys.iter().map(|key| key.suffix.as_str()).collect();
            if given.len() > context.settings().imports.suffixes() {
                return Err(too_many_suffixes().into());
            }
            check_no_placeholder(&keys, &before.placeholders(given.into_iter()))?;
            let mut records = Vec::with_capacity(keys.len());
            for (index, key) in keys.into_iter().enumerate() {
                let known = Known { digest: &key.digest, hashed_suffix: Some(&key.suffix) };
                let added = key.draft.add(context, tx, &ceiling, tenant, &known, now)?;
                let twice = || {
                    conflict(format!(
                        "keys[{index}]: digest is given twice, or a key with this digest exists"
                    ))
                };
                records.push(added.ok_or_else(twice)?);
            }
            before.check_added(context, tx, tenant)?;
            Ok(records)
        })?;
        let api_keys = records.into_iter().map(|record| ApiKey::new(record, now)).collect::<Result<_>>()?;
        Ok(ImportedApiKeys { api_keys, warnings })
    }
}

/// Rejects the digests of texts that a program may send by mistake instead of a key. Otherwise all such requests
/// would be admitted.
fn check_no_placeholder(keys: &[CheckedKey], placeholders: &Placeholders) -> Result<()> {
    for (index, key) in keys.iter().enumerate() {
        if placeholders.contain(&key.digest) {
            return Err(GatekeeperError::bad_request(format!(
                "keys[{index}]: digest must not be that of a placeholder such as undefined, null or test"
            )));
        }
    }
    Ok(())
}

fn too_many_suffixes() -> GatekeeperError {
    conflict("suffix: the keys have more distinct suffixes than a database can have")
}

fn conflict(message: impl Into<String>) -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Conflict, message)
}
