//! An audit log written as text in parts, so that only one part is in memory at a time.

use super::export_input::{AuditExportInput, ExportFormat};
use super::{AuditEvent, list_of};
use crate::authz::Context;
use crate::error::{GatekeeperError, Result};
use crate::id::{AuditId, TenantId};
use crate::operation::field::check_text;
use crate::operation::page::List;
use crate::store::{AuditFilter, Bounds};
use crate::visible::{visible, visible_json};

/// The size at which a part ends: the event that reaches it is the last one of the part.
const MAX_PART_BYTES: usize = 128 * 1024;
/// The maximum number of events in a part.
const MAX_PART_EVENTS: u32 = 1000;
/// The columns of the CSV.
const COLUMNS: &str = "id,tenantId,actorType,actorId,action,target,metadata,source,createdAt\r\n";

/// The events to export, and the format.
pub(super) struct Selection {
    tenant: Option<TenantId>,
    format: ExportFormat,
    filter: AuditFilter,
    /// The event after which the export begins; none to begin with the newest event.
    pub(super) start: Option<AuditId>,
}

/// The text of some events, and the last event in it if there are more.
pub(super) struct TextPart {
    pub(super) text: String,
    pub(super) next: Option<AuditId>,
}

impl Selection {
    /// Checks the fields of a request.
    pub(super) fn check(input: &AuditExportInput) -> Result<()> {
        check_text("actorId", input.actor_id.as_deref())?;
        check_text("actionPrefix", input.action_prefix.as_deref())
    }

    pub(super) fn new(context: &Context<'_>, input: AuditExportInput) -> Result<Self> {
        let start = list_of(context, input.tenant_id, None).after(input.cursor.as_deref())?;
        let filter = AuditFilter {
            actor_id: input.actor_id,
            action_prefix: input.action_prefix,
            from: input.start_timestamp,
            to: input.end_timestamp,
        };
        Ok(Self { tenant: input.tenant_id, format: input.format, filter, start })
    }

    /// The list of the events, whose cursors this export accepts.
    pub(super) fn list<'a>(&self, context: &'a Context<'_>) -> List<'a> {
        list_of(context, self.tenant, None)
    }

    /// The part that begins after this event.
    pub(super) fn part(&self, context: &Context<'_>, before: Option<AuditId>) -> Result<TextPart> {
        let bounds = Bounds { rows: MAX_PART_EVENTS, bytes: MAX_PART_BYTES };
        let found = context.read(|rows| rows.audit_events(self.tenant, &self.filter, before, bounds))?;
        let next = found.rows.last().filter(|_| found.has_more).map(|last| last.id);
        let mut text = String::new();
        if self.format == ExportFormat::Csv && before.is_none() {
            text.push_str(COLUMNS);
        }
        for row in found.rows {
            write(&mut text, self.format, &AuditEvent::from_row(row)?)?;
        }
        Ok(TextPart { text, next })
    }
}

fn write(text: &mut String, format: ExportFormat, event: &AuditEvent) -> Result<()> {
    match format {
        ExportFormat::Ndjson => {
            text.push_str(&visible_json(&serde_json::to_string(event).map_err(GatekeeperError::internal)?));
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
                visible_json(&metadata.map_err(GatekeeperError::internal)?.unwrap_or_default()).into_owned(),
                event.source.clone().unwrap_or_default(),
                event.created_at.to_string(),
            ];
            text.push_str(&fields.map(|field| quoted(&field)).join(","));
            text.push_str("\r\n");
        }
    }
    Ok(())
}

/// The characters that make a spreadsheet treat a cell as a formula, in ASCII and in full width.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A CSV field on one line. A text that a spreadsheet would treat as a formula, also after leading spaces, is
/// prefixed so that it stays text.
fn quoted(field: &str) -> String {
    let field = visible(field);
    let guard = if field.trim_start().starts_with(FORMULA) { "'" } else { "" };
    if guard.is_empty() && !field.contains(['"', ',']) && field.trim() == field {
        return field.into_owned();
    }
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_csv_field_is_never_a_formula_and_holds_no_control_or_invisible_characters() {
        for formula in
            ["=1", "+1", "-1", "@a", " =1", "\u{a0}=1", "\u{3000}=1", "＝1", "＋1", "－1", "＠a", " ＝1"]
        {
            assert_eq!(quoted(formula), format!("\"'{formula}\""));
        }
        assert_eq!(quoted("\t=1"), "\\u{9}=1");
        assert_eq!(quoted("\u{200b}=1\r\n\u{9b}2J"), "\\u{200b}=1\\u{d}\\u{a}\\u{9b}2J");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
