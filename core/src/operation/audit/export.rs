use serde::{Deserialize, Serialize};

use super::AuditEvent;
use crate::access::{Access, Context, TenantRef};
use crate::error::{GatekeeperError, Result};
use crate::id::{AuditId, TenantId};
use crate::operation::{Method, Operation, Route};
use crate::store::AuditFilter;

/// All events of a tenant as one text, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditExport {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// How the text is written. Defaults to `ndjson`.
    #[serde(default)]
    pub format: ExportFormat,
}

/// How exported events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A JSON object a line.
    #[default]
    Ndjson,
    /// A line of column names, then a line an event (RFC 4180).
    Csv,
}

/// How many events are read at once.
const AT_ONCE: u32 = 1000;
/// The columns of CSV.
const COLUMNS: &str = "id,tenantId,actorType,actorId,action,target,metadata,source,createdAt\r\n";

impl Operation for AuditExport {
    type Output = String;
    const NAME: &'static str = "audit.export";
    const ROUTE: Route = Route::new(Method::Get, "/v1/audit/export", 200);
    const ACCESS: Access = Access::Tenant("audit:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "format"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    async fn run(self, context: &Context<'_>) -> Result<String> {
        let mut text = String::new();
        if self.format == ExportFormat::Csv {
            text.push_str(COLUMNS);
        }
        let mut before: Option<AuditId> = None;
        loop {
            let rows = context
                .read(|rows| rows.audit_events(self.tenant_id, &AuditFilter::default(), before, AT_ONCE))?;
            let Some(last) = rows.last() else { return Ok(text) };
            before = Some(last.id);
            for row in rows {
                write(&mut text, self.format, &AuditEvent::from_row(row)?)?;
            }
        }
    }
}

fn write(text: &mut String, format: ExportFormat, event: &AuditEvent) -> Result<()> {
    match format {
        ExportFormat::Ndjson => {
            text.push_str(&serde_json::to_string(event).map_err(GatekeeperError::internal)?);
            text.push('\n');
        }
        ExportFormat::Csv => {
            let metadata = event.metadata.as_ref().map(serde_json::to_string).transpose();
            let fields = [
                event.id.to_string(),
                event.tenant_id.map(|id| id.to_string()).unwrap_or_default(),
                event.actor_type.clone(),
                event.actor_id.clone().unwrap_or_default(),
                event.action.clone(),
                event.target.clone().unwrap_or_default(),
                metadata.map_err(GatekeeperError::internal)?.unwrap_or_default(),
                event.source.clone().unwrap_or_default(),
                event.created_at.to_string(),
            ];
            text.push_str(&fields.map(|field| quoted(&field)).join(","));
            text.push_str("\r\n");
        }
    }
    Ok(())
}

/// A field of CSV. What a spreadsheet would take for a formula is made text.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !field.contains(['"', ',', '\r', '\n']) {
        return field.to_owned();
    }
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}
