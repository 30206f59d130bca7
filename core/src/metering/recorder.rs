//! Records usage: concurrent events share a transaction, and each has its own result.

use std::collections::HashMap;

use super::ledger::Ledger;
use super::queue::Queue;
use super::quota::QuotaCheck;
use super::retention::Retention;
use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::fork::{ForkGuards, ForkRegistered, ForkSafe};
use crate::id::{EventId, KeyId, TenantId};
use crate::store::{Failure, Rows, Store, UsageRow};

/// Usage to be recorded.
pub(crate) struct Usage {
    pub(crate) tenant: TenantId,
    pub(crate) key: Option<KeyId>,
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) quantity: i64,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) asked: Asked,
    /// Checks the caller's rights again on the rows of the transaction, at this time in Unix ms.
    pub(crate) recheck: Recheck,
}

/// A check of a caller's rights on the rows of a transaction.
pub(crate) type Recheck = Box<dyn Fn(&Rows<'_>, i64) -> Result<(), Failure> + Send>;

/// The identity of a repeatable request.
pub(crate) struct Idempotency {
    /// The idempotency key, unique in the tenant.
    pub(crate) key: String,
    /// The SHA-256 of the request.
    pub(crate) request: [u8; 32],
}

/// Whether a quota can reject the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// No: the usage is recorded in any case.
    ToRecord,
    /// Yes: the usage is recorded only if the quotas have room.
    ForRoom,
}

/// A recorded event.
pub(crate) struct Recorded {
    pub(crate) event: UsageRow,
    /// The quota including this event, if it was enforced.
    pub(crate) quota: Option<QuotaCheck>,
}

/// The queue of the callers that record usage in one database.
pub(crate) struct Recorder {
    queue: Queue<Usage, Recorded>,
}

/// A recorder that is quiesced at every fork. It must be created before the store: a leader needs the store, and
/// what is created first is quiesced first.
pub(crate) type OpenRecorder = ForkRegistered<Recorder>;

impl Recorder {
    pub(crate) fn open() -> OpenRecorder {
        ForkRegistered::new(Self { queue: Queue::new() })
    }

    /// Records usage. It is on disk when this returns.
    ///
    /// # Errors
    /// `not_found` if the tenant has no such key; `conflict` if the idempotency key belongs to another request;
    /// `plan_limit` if a quota was enforced and has no room, and then nothing is written. Other errors fail
    /// everything in the same transaction.
    pub(crate) fn record(
        &self,
        store: &Store,
        clock: &Clock,
        usage: Usage,
        retention: Option<Retention>,
    ) -> Result<Recorded> {
        self.queue.submit(usage, |usages| Self::record_all(store, clock, usages, retention))
    }

    /// Records all items in one transaction, with one result for each, and deletes some of the events older than
    /// `retention`.
    fn record_all(
        store: &Store,
        clock: &Clock,
        usages: Vec<Usage>,
        retention: Option<Retention>,
    ) -> Vec<Result<Recorded>> {
        let count = usages.len();
        let written = store.write(|tx| {
            let tx = &*tx;
            let mut batch = Batch::new(tx, clock);
            let mut outcomes = Vec::with_capacity(count);
            for usage in usages {
                // Nothing is written yet, so a rejected item does not affect the others.
                outcomes.push(match batch.evaluate(usage) {
                    Ok(recorded) => Ok(recorded),
                    Err(Failure::Rejected(rejection)) => Err(rejection),
                    Err(failure) => return Err(failure),
                });
            }
            if !tx.add_usage_events(&batch.events)? {
                return Err(Failure::Overtaken);
            }
            batch.ledger.write(tx)?;
            if let Some(retention) = retention {
                retention.prune(tx, batch.now, clock.boot_ms(), batch.events.len())?;
            }
            Ok(outcomes)
        });
        written.unwrap_or_else(|error| fail_all(error, count))
    }
}

impl ForkSafe for Recorder {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.queue.quiesce(guards);
    }
}

/// The rows to be written in one transaction.
struct Batch<'a> {
    rows: &'a Rows<'a>,
    clock: &'a Clock,
    now: i64,
    ledger: Ledger<'a>,
    events: Vec<UsageRow>,
    /// The index of the event with this idempotency key.
    under: HashMap<(TenantId, String), usize>,
}

impl<'a> Batch<'a> {
    fn new(rows: &'a Rows<'a>, clock: &'a Clock) -> Self {
        let now = clock.unix_ms();
        let ledger = Ledger::new(rows, now);
        Self { rows, clock, now, ledger, events: Vec::new(), under: HashMap::new() }
    }

    fn evaluate(&mut self, usage: Usage) -> Result<Recorded, Failure> {
        let Usage { tenant, key, quantity, asked, .. } = usage;
        (usage.recheck)(self.rows, self.now)?;
        if !self.ledger.has_tenant(tenant)? {
            return Err(GatekeeperError::not_found().into());
        }
        if let Some(idempotency) = &usage.idempotency
            && let Some(event) = self.first_under(tenant, &idempotency.key)?
        {
            if event.request != Some(idempotency.request) {
                return Err(GatekeeperError::new(
                    ErrorKind::Conflict,
                    "idempotencyKey was used for another request: use a new key for each request",
                )
                .into());
            }
            let quota = self.quota_with(asked, &event)?;
            return Ok(Recorded { event, quota });
        }
        if let Some(key) = key
            && !self.ledger.has_key(tenant, key)?
        {
            return Err(GatekeeperError::not_found().into());
        }
        if asked == Asked::ForRoom
            && let Some(quota) = self.ledger.check(tenant, key, quantity)?
            && !quota.allowed
        {
            return Err(no_room(&quota).into());
        }
        let event = self.add(usage)?;
        let quota = self.quota_with(asked, &event)?;
        Ok(Recorded { event, quota })
    }

    fn add(&mut self, usage: Usage) -> Result<UsageRow> {
        let (idempotency_key, request) =
            usage.idempotency.map(|idempotency| (idempotency.key, idempotency.request)).unzip();
        let event = UsageRow {
            id: EventId::generate(self.clock)?,
            tenant_id: usage.tenant,
            api_key_id: usage.key,
            service: usage.service,
            action: usage.action,
            quantity: usage.quantity,
            metadata: usage.metadata,
            idempotency_key,
            request,
            created_at: self.now,
        };
        self.ledger.add(event.tenant_id, event.api_key_id, event.quantity, usage.asked == Asked::ForRoom);
        if let Some(key) = &event.idempotency_key {
            self.under.insert((event.tenant_id, key.clone()), self.events.len());
        }
        self.events.push(event.clone());
        Ok(event)
    }

    /// The existing event with this idempotency key.
    fn first_under(&self, tenant: TenantId, key: &str) -> Result<Option<UsageRow>, Failure> {
        match self.under.get(&(tenant, key.to_owned())) {
            Some(index) => Ok(self.events.get(*index).cloned()),
            None => self.rows.usage_event_under(tenant, key),
        }
    }

    /// The quota including this event, if it was enforced. The key of a repeated event may have been deleted since.
    fn quota_with(&mut self, asked: Asked, event: &UsageRow) -> Result<Option<QuotaCheck>, Failure> {
        if asked == Asked::ToRecord {
            return Ok(None);
        }
        let quota = self.ledger.check(event.tenant_id, event.api_key_id, 0)?;
        Ok(quota.map(|quota| QuotaCheck { allowed: true, ..quota }))
    }
}

fn no_room(quota: &QuotaCheck) -> GatekeeperError {
    GatekeeperError::new(
        ErrorKind::PlanLimit,
        "the quota has no room for this quantity in the current period",
    )
    .with_details(serde_json::json!({ "quota": quota }))
}

/// The same error for every item; only the first one carries the cause, which cannot be cloned.
fn fail_all<T>(error: GatekeeperError, count: usize) -> Vec<Result<T>> {
    let again = |_| Err(GatekeeperError::new(error.kind(), error.message()));
    let mut all: Vec<_> = (1..count).map(again).collect();
    all.insert(0, Err(error));
    all
}

#[cfg(test)]
mod tests;
