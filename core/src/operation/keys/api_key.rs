use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::CreatedBy;
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::key::KeyStatus;
use crate::metering::Period;
use crate::operation::ExposeSecret;
use crate::operation::field::from_text;
use crate::secret::Secret;
use crate::store::KeyRecord;

/// An API key, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApiKey {
    /// The key's id. It does not change when the key is rotated.
    pub id: KeyId,
    /// The tenant that the key belongs to.
    pub tenant_id: TenantId,
    /// The id of the key's owner in your application.
    pub owner_id: Option<String>,
    /// The creator of the key; none for a key that an earlier version created.
    pub created_by: Option<CreatedBy>,
    /// The prefix of the key's secret. For an imported key: the prefix of the secret that a rotation creates.
    pub prefix: String,
    /// The key's name.
    pub name: Option<String>,
    /// The key's scopes, sorted by bytes.
    pub scopes: Vec<String>,
    /// The key's roles, which select its rate limits, sorted by bytes.
    pub roles: Vec<String>,
    /// The key's status.
    pub status: KeyStatus,
    /// The key's quota in a period; none for no limit.
    pub quota_limit: Option<i64>,
    /// The period of the quota.
    pub quota_period: Period,
    /// Your own metadata.
    pub metadata: Option<Map<String, Value>>,
    /// When the key expires, Unix milliseconds; none if it does not expire.
    pub expires_at: Option<i64>,
    /// The time of the last accepted verification, Unix milliseconds, to the minute. Every process of the machine
    /// sees it at once. A reboot may lose the most recent times, up to the next call that reads the key or commits
    /// any change.
    pub last_used_at: Option<i64>,
    /// When the key was created, Unix milliseconds.
    pub created_at: i64,
    /// When the key was last changed, Unix milliseconds.
    pub updated_at: i64,
}

/// A new secret and the key that it belongs to.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreatedApiKey {
    /// The key.
    pub api_key: ApiKey,
    /// The secret. It is not stored and cannot be shown again.
    #[serde(with = "ExposeSecret")]
    pub plain_text_key: Secret,
}

impl ApiKey {
    /// The key of a stored record, with its status at `now`, Unix milliseconds.
    pub(super) fn new(record: KeyRecord, now: i64) -> Result<Self> {
        Ok(Self {
            status: KeyStatus::of(&record.status, record.expires_at, now),
            quota_period: Period::stored(&record.quota_period)?,
            metadata: from_text(record.metadata.as_deref())?,
            created_by: record.created_by.map(CreatedBy::stored).transpose()?,
            id: record.id,
            tenant_id: record.tenant_id,
            owner_id: record.owner_id,
            prefix: record.prefix,
            name: record.name,
            scopes: record.scopes,
            roles: record.roles,
            quota_limit: record.quota_limit,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}
