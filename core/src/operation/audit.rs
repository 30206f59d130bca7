//! The audit log: events of one tenant, or of every tenant for the operator.

mod export;
mod export_input;
mod part;
mod query;
mod record;

pub use export::{AuditExport, AuditExportParts, ExportPart};
pub use export_input::{AuditExportInput, ExportFormat};
pub use query::AuditQuery;
pub use record::AuditRecord;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::from_text;
use super::page::List;
use crate::authz::Context;
use crate::error::Result;
use crate::id::{AuditId, TenantId};
use crate::store::AuditRow;

/// An event of the audit log: something that a caller did, or that was rejected.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditEvent {
    /// The event's id. Later events have greater ids.
    pub id: AuditId,
    /// The tenant that the event belongs to; none for an event outside any tenant.
    pub tenant_id: Option<TenantId>,
    /// The kind of the caller: `user`, `apiKey`, `rootKey`, `operator` or `anonymous`.
    pub actor_type: String,
    /// The id of the user, API key or root key that called; none for the operator and anonymous callers.
    pub actor_id: Option<String>,
    /// What happened, as `resource.what_happened`.
    pub action: String,
    /// The id of the object that the action was applied to.
    pub target: Option<String>,
    /// Further details of the event.
    pub metadata: Option<Map<String, Value>>,
    /// The client address, if known.
    pub source: Option<String>,
    /// When the event happened, Unix milliseconds.
    pub created_at: i64,
}

impl AuditEvent {
    fn from_row(row: AuditRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            actor_type: row.actor_type.into_owned(),
            actor_id: row.actor_id,
            action: row.action,
            target: row.target,
            metadata: from_text(row.metadata.as_deref())?,
            source: row.source,
            created_at: row.created_at,
        })
    }
}

/// The list of a tenant's events, or of all tenants' events, for paging.
fn list_of<'a>(context: &'a Context<'_>, tenant: Option<TenantId>, limit: Option<u32>) -> List<'a> {
    let whose = tenant.map_or_else(|| "all".to_owned(), |tenant| tenant.to_string());
    List::new(context, format!("audit of {whose}"), limit)
}
