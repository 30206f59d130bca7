//! The audit log of a tenant, and for the operator that of all.

mod export;
mod part;
mod query;
mod record;

pub use export::{AuditExport, AuditExportInput, AuditExportParts, ExportFormat, ExportPart};
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

/// Something that was done, or rejected, in a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Its id; later events have later ids.
    pub id: AuditId,
    /// The tenant; none where no tenant is concerned.
    pub tenant_id: Option<TenantId>,
    /// Who did it: `user`, `apiKey`, `rootKey`, `operator` or `anonymous`.
    pub actor_type: String,
    /// The id of the user, of the API key or of the root key that did it; none for the operator and anonymous callers.
    pub actor_id: Option<String>,
    /// What was done: `resource.what_happened`.
    pub action: String,
    /// The id of what it was done to.
    pub target: Option<String>,
    /// What else there is to say.
    pub metadata: Option<Map<String, Value>>,
    /// From where it was asked for, where that was said.
    pub source: Option<String>,
    /// Unix ms.
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

/// The events of a tenant, or of all, as a list.
fn list_of<'a>(context: &'a Context<'_>, tenant: Option<TenantId>, limit: Option<u32>) -> List<'a> {
    let whose = tenant.map_or_else(|| "all".to_owned(), |tenant| tenant.to_string());
    List::new(context, format!("audit of {whose}"), limit)
}
