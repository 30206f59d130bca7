//! The audit log. Events are written in the transaction of the change that they describe.

use super::driver::{Row, params};
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::id::{AuditId, TenantId};
use crate::store::{AuditFilter, AuditRow, Bounds, Part};

impl Rows<'_> {
    /// Events of a tenant, or of all tenants and none, that match `filter`, from `before` on, newest first.
    pub(crate) fn audit_events(
        &self,
        tenant: Option<TenantId>,
        filter: &AuditFilter,
        before: Option<AuditId>,
        bounds: Bounds,
    ) -> Result<Part<AuditRow>, Failure> {
        let prefix_end = filter.action_prefix.as_deref().map(|prefix| format!("{prefix}\u{10ffff}"));
        // Each query begins in an index, at the start of the page.
        let of_tenant = if tenant.is_some() { "tenant_id = $1" } else { "CAST($1 AS TEXT) IS NULL" };
        self.within(
            bounds,
            &format!(
                "SELECT id, tenant_id, actor_type, actor_id, action, target, metadata, source, created_at
                 FROM audit_events
                 WHERE {of_tenant} AND id < $2 AND ($3 IS NULL OR actor_id = $3)
                   AND ($4 IS NULL OR (action >= $4 AND action < $5))
                   AND ($6 IS NULL OR created_at >= $6) AND ($7 IS NULL OR created_at < $7)
                 ORDER BY id DESC LIMIT $8"
            ),
            params![
                tenant,
                // `~` sorts after every id.
                before.map_or_else(|| "aud_~".to_owned(), |id| id.to_string()),
                filter.actor_id,
                filter.action_prefix,
                prefix_end,
                filter.from,
                filter.to,
                bounds.rows + 1
            ],
            audit_row,
        )
    }
}

impl Tx<'_> {
    pub(crate) fn add_audit_event(&self, event: &AuditRow) -> Result<(), Failure> {
        self.run(
            "INSERT INTO audit_events (id, tenant_id, actor_type, actor_id, action, target, metadata, source,
                                       created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            params![
                event.id,
                event.tenant_id,
                event.actor_type,
                event.actor_id,
                event.action,
                event.target,
                event.metadata,
                event.source,
                event.created_at
            ],
        )?;
        Ok(())
    }
}

fn audit_row(row: &Row<'_>) -> Result<AuditRow, Failure> {
    Ok(AuditRow {
        id: row.get(0)?,
        tenant_id: row.get(1)?,
        actor_type: row.get(2)?,
        actor_id: row.get(3)?,
        action: row.get(4)?,
        target: row.get(5)?,
        metadata: row.get(6)?,
        source: row.get(7)?,
        created_at: row.get(8)?,
    })
}
