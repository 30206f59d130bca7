//! Usage events, and their totals by calendar bucket.

use rusqlite::{Row, params};

use super::rows::{Rows, Tx};
use super::{Failure, parsed};
use crate::error::Result;
use crate::id::{EventId, KeyId, TenantId};
use crate::store::{Bounds, KeyQuota, Part, SumOf, UsageRow, UsageSum};

const COLUMNS: &str =
    "SELECT id, tenant_id, api_key_id, service, action, quantity, metadata, idempotency_key, request,
    created_at FROM usage_events";
const INSERT: &str =
    "INSERT INTO usage_events (id, tenant_id, api_key_id, service, action, quantity, metadata,
    idempotency_key, request, created_at) VALUES ";
const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// The number of events that one statement inserts.
const AT_ONCE: usize = 16;

impl Rows<'_> {
    /// The event of a tenant with this idempotency key.
    pub(crate) fn usage_event_under(
        &self,
        tenant: TenantId,
        idempotency_key: &str,
    ) -> Result<Option<UsageRow>, Failure> {
        self.one(
            &format!("{COLUMNS} WHERE tenant_id = $1 AND idempotency_key = $2"),
            params![tenant.to_string(), idempotency_key],
            usage_row,
        )
    }

    /// Events of a tenant, or of one of its keys, before `before`, newest first.
    pub(crate) fn usage_events(
        &self,
        tenant: TenantId,
        key: Option<KeyId>,
        before: Option<EventId>,
        bounds: Bounds,
    ) -> Result<Part<UsageRow>, Failure> {
        // No id sorts after it.
        let before = before.map_or_else(|| "evt_~".to_owned(), |id| id.to_string());
        match key {
            None => self.within(
                bounds,
                &format!("{COLUMNS} WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
                params![tenant.to_string(), before, bounds.rows + 1],
                usage_row,
            ),
            // The `+` makes SQLite use the index of keys: a tenant has more events than one of its keys.
            Some(key) => self.within(
                bounds,
                &format!(
                    "{COLUMNS} WHERE api_key_id = $1 AND +tenant_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
                ),
                params![key.to_string(), tenant.to_string(), before, bounds.rows + 1],
                usage_row,
            ),
        }
    }

    /// The total usage in a bucket.
    pub(crate) fn usage_sum(&self, of: &SumOf<'_>) -> Result<UsageSum, Failure> {
        let sum = self.one(
            "SELECT quantity, events FROM usage_sums WHERE subject = $1 AND period = $2 AND starts = $3",
            params![of.subject, of.period, of.starts],
            |row| Ok(UsageSum { quantity: row.get(0)?, events: row.get(1)? }),
        )?;
        Ok(sum.unwrap_or_default())
    }

    /// The tenant and the quota of a key.
    pub(crate) fn key_quota(&self, id: KeyId) -> Result<Option<KeyQuota>, Failure> {
        self.one(
            "SELECT tenant_id, quota_limit, quota_period, CASE created_by_type WHEN 'apiKey' THEN created_by_id END
             FROM api_keys WHERE id = $1",
            [id.to_string()],
            |row| {
                Ok(KeyQuota {
                    tenant: parsed(row, 0)?,
                    limit: row.get(1)?,
                    period: row.get(2)?,
                    creator: row.get::<_, Option<String>>(3)?.map(|id| id.parse()).transpose()?,
                })
            },
        )
    }
}

impl Tx<'_> {
    /// Adds events, several per statement.
    pub(crate) fn add_usage_events(&self, events: &[UsageRow]) -> Result<(), Failure> {
        let (many, rest) = events.as_chunks::<AT_ONCE>();
        for events in many {
            self.add_events(&format!("{INSERT}{}", [ROW; AT_ONCE].join(", ")), events)?;
        }
        for event in rest {
            self.add_events(&format!("{INSERT}{ROW}"), std::slice::from_ref(event))?;
        }
        Ok(())
    }

    fn add_events(&self, sql: &str, events: &[UsageRow]) -> Result<(), Failure> {
        let mut statement = self.statement(sql)?;
        let mut numbers = 1..;
        let mut next = || numbers.next().unwrap_or(usize::MAX);
        for event in events {
            statement.raw_bind_parameter(next(), event.id.to_string())?;
            statement.raw_bind_parameter(next(), event.tenant_id.to_string())?;
            statement.raw_bind_parameter(next(), event.api_key_id.map(|id| id.to_string()))?;
            statement.raw_bind_parameter(next(), &event.service)?;
            statement.raw_bind_parameter(next(), &event.action)?;
            statement.raw_bind_parameter(next(), event.quantity)?;
            statement.raw_bind_parameter(next(), &event.metadata)?;
            statement.raw_bind_parameter(next(), &event.idempotency_key)?;
            statement.raw_bind_parameter(next(), event.request)?;
            statement.raw_bind_parameter(next(), event.created_at)?;
        }
        statement.raw_execute()?;
        Ok(())
    }

    /// Deletes at most `limit` of the events before `before`, oldest first.
    pub(crate) fn remove_usage_events_before(&self, before: EventId, limit: usize) -> Result<usize, Failure> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.run(
            "DELETE FROM usage_events WHERE id IN
             (SELECT id FROM usage_events WHERE id < $1 ORDER BY id LIMIT $2)",
            params![before.to_string(), limit],
        )
    }

    /// Adds to the total usage in a bucket.
    pub(crate) fn add_to_usage_sum(&self, of: &SumOf<'_>, more: UsageSum) -> Result<(), Failure> {
        self.run(
            "INSERT INTO usage_sums (subject, period, starts, quantity, events) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (subject, period, starts)
             DO UPDATE SET quantity = usage_sums.quantity + $4, events = usage_sums.events + $5",
            params![of.subject, of.period, of.starts, more.quantity, more.events],
        )?;
        Ok(())
    }
}

fn usage_row(row: &Row<'_>) -> Result<UsageRow, Failure> {
    Ok(UsageRow {
        id: parsed(row, 0)?,
        tenant_id: parsed(row, 1)?,
        api_key_id: row.get::<_, Option<String>>(2)?.map(|id| id.parse()).transpose()?,
        service: row.get(3)?,
        action: row.get(4)?,
        quantity: row.get(5)?,
        metadata: row.get(6)?,
        idempotency_key: row.get(7)?,
        request: row.get(8)?,
        created_at: row.get(9)?,
    })
}
