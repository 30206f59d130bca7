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

/// A key, without its secret, which nobody can show again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Its id, which it keeps through every rotation.
    pub id: KeyId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Whose it is in your application.
    pub owner_id: Option<String>,
    /// Who created it; none for a key from before this was stored.
    pub created_by: Option<CreatedBy>,
    /// What its secret begins with; of an imported key, what its next one will.
    pub prefix: String,
    /// What it is called.
    pub name: Option<String>,
    /// What it may do, sorted by bytes.
    pub scopes: Vec<String>,
    /// What chooses its rate limits, sorted by bytes.
    pub roles: Vec<String>,
    /// Whether it is good.
    pub status: KeyStatus,
    /// How much it may use in a period; none for anything.
    pub quota_limit: Option<i64>,
    /// The period of its quota.
    pub quota_period: Period,
    /// Anything of yours.
    pub metadata: Option<Map<String, Value>>,
    /// When it ends, Unix ms; none for never.
    pub expires_at: Option<i64>,
    /// When it was last used with success, Unix ms, to the minute. A use is known to every process of the machine at once; a
    /// reboot may lose the last ones, up to the next call that reads the key or commits anything.
    pub last_used_at: Option<i64>,
    /// Unix ms.
    pub created_at: i64,
    /// When it was last changed, Unix ms.
    pub updated_at: i64,
}

/// A key and its secret.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKey {
    /// The key.
    pub api_key: ApiKey,
    /// Its secret; it is not stored and cannot be shown again.
    #[serde(with = "ExposeSecret")]
    pub plain_text_key: Secret,
}

impl ApiKey {
    /// The key as it is at `now`, in Unix ms.
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
