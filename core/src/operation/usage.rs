//! What was used: recorded, checked against quotas, added up and listed.

mod canonical;
mod check;
mod events;
mod input;
mod record;
mod summary;

pub use check::CheckQuota;
pub use events::ListUsageEvents;
#[cfg(feature = "schema")]
pub(super) use input::MAX_NAME;
pub use input::UsageInput;
pub use record::{CheckAndRecordUsage, RecordUsage, RecordedUsage};
pub use summary::{SummarizeUsage, UsageSummary};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::from_text;
use crate::authz::{Context, Principal, forbidden};
use crate::error::Result;
use crate::id::{EventId, KeyId, TenantId};
use crate::store::UsageRow;

/// Something that was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageEvent {
    /// Its id; later events have later ids.
    pub id: EventId,
    /// Whose usage it is.
    pub tenant_id: TenantId,
    /// The API key that it was used with; the key may be gone since.
    pub api_key_id: Option<KeyId>,
    /// What was used.
    pub service: String,
    /// What was done with it.
    pub action: String,
    /// How much.
    pub quantity: i64,
    /// Anything of yours.
    pub metadata: Option<Map<String, Value>>,
    /// What makes a repeated request known.
    pub idempotency_key: Option<String>,
    /// Unix ms.
    pub created_at: i64,
}

impl UsageEvent {
    fn from_row(row: UsageRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            api_key_id: row.api_key_id,
            service: row.service,
            action: row.action,
            quantity: row.quantity,
            metadata: from_text(row.metadata.as_deref())?,
            idempotency_key: row.idempotency_key,
            created_at: row.created_at,
        })
    }
}

fn one() -> i64 {
    1
}

/// What an API key needs to speak for other keys.
const OF_OTHER_KEYS: &str = "keys:read";

/// The key whose usage a call is about: the one it names; for an API key that names none, itself. An API key speaks for
/// other keys only if it may see them.
fn key_of(context: &Context<'_>, named: Option<KeyId>) -> Result<Option<KeyId>> {
    match (context.principal(), named) {
        (Principal::ApiKey { id, .. }, None) => Ok(Some(*id)),
        (Principal::ApiKey { id, .. }, Some(named)) if named != *id && !context.may(OF_OTHER_KEYS) => {
            Err(forbidden(
                "apiKeyId: an API key without the scope keys:read is asked about and records for itself alone",
            ))
        }
        _ => Ok(named),
    }
}
