//! Usage: record it, check it against quotas, sum it up and list it.

mod canonical;
mod check;
mod events;
mod input;
mod record;
mod summary;

pub use check::CheckQuota;
pub use events::ListUsageEvents;
pub use input::UsageInput;
pub use record::{CheckAndRecordUsage, RecordUsage, RecordedUsage};
pub use summary::{SummarizeUsage, UsageSummary};

pub use crate::metering::{Period, QuotaCheck, QuotaLevel};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::from_text;
use crate::authz::{Context, Principal, forbidden};
use crate::error::Result;
use crate::id::{EventId, KeyId, TenantId};
use crate::store::UsageRow;

/// A recorded usage event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsageEvent {
    /// The event's id. Later events have greater ids.
    pub id: EventId,
    /// The tenant whose usage it is.
    pub tenant_id: TenantId,
    /// The API key that was used, if any. The key may have been deleted since.
    pub api_key_id: Option<KeyId>,
    /// The service that was used.
    pub service: String,
    /// The action that was performed with the service.
    pub action: String,
    /// The quantity that was used.
    pub quantity: i64,
    /// Your own metadata.
    pub metadata: Option<Map<String, Value>>,
    /// The idempotency key: a repeated request with the same key is recorded once.
    pub idempotency_key: Option<String>,
    /// When the event was recorded, Unix milliseconds.
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

/// The scope that an API key needs to check or record usage of other keys.
const OF_OTHER_KEYS: &str = "keys:read";

/// The key that a call is about: the key that it names, or the calling API key if it names none. An API key may
/// name another key only with the scope `keys:read`.
fn key_of(context: &Context<'_>, named: Option<KeyId>) -> Result<Option<KeyId>> {
    match (context.principal(), named) {
        (Principal::ApiKey { id, .. }, None) => Ok(Some(*id)),
        (Principal::ApiKey { id, .. }, Some(named)) if named != *id && !context.may(OF_OTHER_KEYS) => {
            Err(forbidden(
                "apiKeyId: an API key without the scope keys:read can check and record only its own usage",
            ))
        }
        _ => Ok(named),
    }
}
