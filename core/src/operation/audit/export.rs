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

/// Which events of a tenant are exported, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditExportInput {
    /// The tenant's id. Left out, the events of all tenants and those without one, for the operator alone.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// How the text is written. Defaults to `ndjson`.
    #[serde(default)]
    pub format: ExportFormat,
    /// Only what this actor did. Defaults to all.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_id: Option<String>,
    /// Only actions that begin so, such as `key.`. Defaults to all.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub action_prefix: Option<String>,
    /// Only from this time on, Unix ms. Defaults to the beginning.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub start_timestamp: Option<i64>,
    /// Only before this time, Unix ms. Defaults to the present.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub end_timestamp: Option<i64>,
    /// The `nextCursor` of the part after which to go on. Defaults to the newest event.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// The events of a tenant as one text, the newest first: at most 64 MiB. A server sends it as it is read, and does not keep
/// it: 8 at once for a tenant, and each for 10 minutes unless it is configured otherwise. What is longer is exported in
/// parts, or by time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct AuditExport(pub AuditExportInput);

/// The events of a tenant as text in parts, the newest first: a page holds one part, of about 128 KiB, and none at the end
/// of an empty log. The texts in their order are what `audit.export` gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct AuditExportParts(pub AuditExportInput);

/// A part of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportPart {
    /// Whole lines.
    pub text: String,
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

/// The longest text that is given as one.
const MAX_EXPORT_BYTES: usize = 64 * 1024 * 1024;

impl AuditExportInput {
    /// Every event of this tenant, or for the operator of all, as NDJSON.
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
    let message = "the export is longer than 64 MiB: export it in parts (audit.exportParts), or ask for less with \
                   startTimestamp and endTimestamp";
    GatekeeperError::new(ErrorKind::PayloadTooLarge, message)
}
