//! Usage events, and their totals by calendar bucket.

use std::sync::LazyLock;

use super::driver::{Row, Value, params, to_value};
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::id::{EventId, KeyId, TenantId};
use crate::store::{Bounds, KeyQuota, Part, Room, SumOf, UsageRow, UsageSum};

const COLUMNS: &str =
    "SELECT id, tenant_id, api_key_id, service, action, quantity, metadata, idempotency_key, request,
    created_at FROM usage_events";
/// The number of events that one statement inserts.
const AT_ONCE: usize = 16;
/// How many columns an event has.
const WIDTH: usize = 10;

/// The statements that add one event, and several.
static INSERT_ONE: LazyLock<String> = LazyLock::new(|| insert(1));
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| insert(AT_ONCE));

impl Rows<'_> {
    /// The event of a tenant with this idempotency key.
    pub(crate) fn usage_event_under(
        &self,
        tenant: TenantId,
        idempotency_key: &str,
    ) -> Result<Option<UsageRow>, Failure> {
        self.one(
            &format!("{COLUMNS} WHERE tenant_id = $1 AND idempotency_key = $2"),
            params![tenant, idempotency_key],
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
                params![tenant, before, bounds.rows + 1],
                usage_row,
            ),
            // The concatenation makes the engine use the index of keys: a tenant has more events than one of its keys.
            Some(key) => self.within(
                bounds,
                &format!(
                    "{COLUMNS} WHERE api_key_id = $1 AND tenant_id || '' = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
                ),
                params![key, tenant, before, bounds.rows + 1],
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
            params![id],
            |row| {
                Ok(KeyQuota {
                    tenant: row.get(0)?,
                    limit: row.get(1)?,
                    period: row.get(2)?,
                    creator: row.get(3)?,
                })
            },
        )
    }
}

impl Tx<'_> {
    /// Adds events, several per statement. Returns whether all were added: an event is not if the tenant has another one
    /// under its idempotency key.
    pub(crate) fn add_usage_events(&self, events: &[UsageRow]) -> Result<bool, Failure> {
        let mut added = 0;
        let (many, rest) = events.as_chunks::<AT_ONCE>();
        for events in many {
            added += self.run(&INSERT_MANY, &values(events))?;
        }
        for event in rest {
            added += self.run(&INSERT_ONE, &values(std::slice::from_ref(event)))?;
        }
        Ok(added == events.len())
    }

    /// Deletes at most `limit` of the events before `before`, oldest first.
    pub(crate) fn remove_usage_events_before(&self, before: EventId, limit: usize) -> Result<usize, Failure> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.run(
            "DELETE FROM usage_events WHERE id IN
             (SELECT id FROM usage_events WHERE id < $1 ORDER BY id LIMIT $2)",
            params![before, limit],
        )
    }

    /// Adds to the total usage in a bucket, if it has `room`. Returns whether it had. A bucket without a row always has
    /// room: the caller has compared the quantity with the limit.
    pub(crate) fn add_to_usage_sum(
        &self,
        of: &SumOf<'_>,
        more: UsageSum,
        room: Option<Room>,
    ) -> Result<bool, Failure> {
        let (quantity, limit) = room.map(|room| (room.quantity, room.limit)).unzip();
        let added = self.run(
            "INSERT INTO usage_sums (subject, period, starts, quantity, events) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (subject, period, starts)
             DO UPDATE SET quantity = usage_sums.quantity + $4, events = usage_sums.events + $5
                WHERE usage_sums.quantity + $6 <= $7 OR $7 IS NULL",
            params![of.subject, of.period, of.starts, more.quantity, more.events, quantity, limit],
        )?;
        Ok(added == 1)
    }
}

/// The statement that adds this many events.
fn insert(events: usize) -> String {
    let row = |index: usize| {
        let parameters: Vec<_> = (1..=WIDTH).map(|column| format!("${}", index * WIDTH + column)).collect();
        format!("({})", parameters.join(", "))
    };
    let rows: Vec<_> = (0..events).map(row).collect();
    format!(
        "INSERT INTO usage_events (id, tenant_id, api_key_id, service, action, quantity, metadata,
         idempotency_key, request, created_at) VALUES {} ON CONFLICT DO NOTHING",
        rows.join(", ")
    )
}

/// The parameters of that statement.
fn values(events: &[UsageRow]) -> Vec<Value<'_>> {
    let mut values = Vec::with_capacity(events.len() * WIDTH);
    for event in events {
        let row: [Value<'_>; WIDTH] = [
            to_value(&event.id),
            to_value(&event.tenant_id),
            to_value(&event.api_key_id),
            to_value(&event.service),
            to_value(&event.action),
            to_value(&event.quantity),
            to_value(&event.metadata),
            to_value(&event.idempotency_key),
            to_value(&event.request),
            to_value(&event.created_at),
        ];
        values.extend(row);
    }
    values
}

fn usage_row(row: &Row<'_>) -> Result<UsageRow, Failure> {
    Ok(UsageRow {
        id: row.get(0)?,
        tenant_id: row.get(1)?,
        api_key_id: row.get(2)?,
        service: row.get(3)?,
        action: row.get(4)?,
        quantity: row.get(5)?,
        metadata: row.get(6)?,
        idempotency_key: row.get(7)?,
        request: row.get(8)?,
        created_at: row.get(9)?,
    })
}
