use serde::{Deserialize, Serialize};

use super::export_input::AuditExportInput;
use super::part::{Selection, TextPart};
use crate::authz::{Access, Context, TenantRef};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::AuditId;
use crate::operation::{Method, Operation, Page, Route};

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
#[non_exhaustive]
pub struct ExportPart {
    /// The text: complete lines.
    pub text: String,
}

/// The maximum size of an export that is returned as one text.
const MAX_EXPORT_BYTES: usize = 64 * 1024 * 1024;

impl Operation for AuditExport {
    type Checked = Self;
    type Output = String;
    const NAME: &'static str = "audit.export";
    const ROUTE: Route = Route::new(Method::Get, "/v1/audit/export", 200);
    const ACCESS: Access = Access::Tenant("audit:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "format"];
    const IN_PARTS: Option<&'static str> = Some(AuditExportParts::NAME);

    fn tenant(&self) -> TenantRef {
        TenantRef::Selected(self.0.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Selection::check(&self.0)?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<String> {
        let selection = Selection::new(context, request.0)?;
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
    type Checked = Self;
    type Output = Page<ExportPart>;
    const NAME: &'static str = "audit.exportParts";
    const ROUTE: Route = Route::new(Method::Get, "/v1/audit/export/parts", 200);
    const ACCESS: Access = Access::Tenant("audit:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "format"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Selected(self.0.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Selection::check(&self.0)?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<ExportPart>> {
        let selection = Selection::new(context, request.0)?;
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
