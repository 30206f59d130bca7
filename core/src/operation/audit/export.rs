use serde::{Deserialize, Serialize};

use super::part::{Selection, TextPart};
use crate::authz::{Access, Context, TenantRef};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{AuditId, TenantId};
use crate::operation::field::Moment;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::whole::Range as _;

/// The selection of events for an export, and the format.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditExportInput {
    /// The tenant's id. The operator can omit it: then events of all tenants, and those outside any tenant, are
    /// exported.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The format of the text. Defaults to `ndjson`.
    #[serde(default)]
    pub format: ExportFormat,
    /// Only events of this actor. Defaults to all actors.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_id: Option<String>,
    /// Only actions with this prefix, such as `key.`. Defaults to all actions.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub action_prefix: Option<String>,
    /// Only events at or after this time, Unix milliseconds. Defaults to the beginning.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub start_timestamp: Option<i64>,
    /// Only events before this time, Unix milliseconds. Defaults to now.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub end_timestamp: Option<i64>,
    /// The `nextCursor` of the part after which the export continues. Defaults to the newest event.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Exports the events of a tenant as one text of at most 64 MiB, newest first. A server streams it: up to 8 exports
/// of a tenant at once, each for up to 10 minutes, unless configured otherwise. Export a longer log in parts, or by
/// time range.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct AuditExport(pub AuditExportInput);

/// Exports the events of a tenant in parts, newest first. Each page holds one part of about 128 KiB; the last page
/// of an empty log holds none. Concatenated, the parts are the text that `audit.export` returns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct AuditExportParts(pub AuditExportInput);

/// A part of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportPart {
    /// The text: complete lines.
    pub text: String,
}

/// The format of exported events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One JSON object per line.
    #[default]
    Ndjson,
    /// A header line, then one line per event (RFC 4180).
    Csv,
}

/// The maximum size of an export that is returned as one text.
const MAX_EXPORT_BYTES: usize = 64 * 1024 * 1024;

impl AuditExportInput {
    /// Exports every event of this tenant, or with none of all tenants, as NDJSON.
    #[must_use]
    pub fn new(tenant_id: impl Into<Option<TenantId>>) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            format: ExportFormat::default(),
            actor_id: None,
            action_prefix: None,
            start_timestamp: None,
            end_timestamp: None,
            cursor: None,
        }
    }
}

impl Operation for AuditExport {
    type Output = String;
    const NAME: &'static str = "audit.export";
    const ROUTE: Route = Route::new(Method::Get, "/v1/audit/export", 200);
    const ACCESS: Access = Access::Tenant("audit:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "format"];
    const IN_PARTS: Option<&'static str> = Some(AuditExportParts::NAME);

    fn tenant(&self) -> TenantRef {
        TenantRef::Selected(self.0.tenant_id)
    }

    fn check(&self) -> Result<()> {
        Selection::check(&self.0)
    }

    async fn run(self, context: &Context<'_>) -> Result<String> {
        let selection = Selection::new(context, self.0)?;
        let (mut text, mut next) = (String::new(), selection.start);
        loop {
            let part = selection.part(context, next)?;
            text.push_str(&part.text);
            if text.len() > MAX_EXPORT_BYTES {
                return Err(too_long());
            }
            match part.next {
                Some(last) => next = Some(last),
                None => return Ok(text),
            }
        }
    }
}

impl Operation for AuditExportParts {
    type Output = Page<ExportPart>;
    const NAME: &'static str = "audit.exportParts";
    const ROUTE: Route = Route::new(Method::Get, "/v1/audit/export/parts", 200);
    const ACCESS: Access = Access::Tenant("audit:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "format"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Selected(self.0.tenant_id)
    }

    fn check(&self) -> Result<()> {
        Selection::check(&self.0)
    }

    async fn run(self, context: &Context<'_>) -> Result<Page<ExportPart>> {
        let selection = Selection::new(context, self.0)?;
        let TextPart { text, next } = selection.part(context, selection.start)?;
        let items = if text.is_empty() { Vec::new() } else { vec![ExportPart { text }] };
        let next_cursor = next.map(|next: AuditId| selection.list(context).cursor(next)).transpose()?;
        Ok(Page { items, next_cursor })
    }
}

fn too_long() -> GatekeeperError {
    let message = "the export is longer than 64 MiB: export it in parts (audit.exportParts), or narrow it with \
                   startTimestamp and endTimestamp";
    GatekeeperError::new(ErrorKind::PayloadTooLarge, message)
}
