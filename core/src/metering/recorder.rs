//! Records usage: events that come at the same time share a transaction, and each has its own outcome.

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

/// Something that was used.
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
    /// Checks that the caller may still record it, by the rows of the transaction, at this time in Unix ms.
    pub(crate) recheck: Recheck,
}

/// Checks a caller's rights again on the rows of a transaction.
pub(crate) type Recheck = Box<dyn Fn(&Rows<'_>, i64) -> Result<(), Failure> + Send>;

/// What makes a repeated request known.
pub(crate) struct Idempotency {
    /// Unique in the tenant.
    pub(crate) key: String,
    /// SHA-256 of the request.
    pub(crate) request: [u8; 32],
}

/// Whether usage is recorded in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is.
    ToRecord,
    /// Only where there is room.
    ForRoom,
}

/// What was recorded.
pub(crate) struct Recorded {
    pub(crate) event: UsageRow,
    /// As it is with this event, where room was asked for.
    pub(crate) quota: Option<QuotaCheck>,
}

/// The queue of those who record usage in one place.
pub(crate) struct Recorder {
    queue: Queue<Usage, Recorded>,
}

/// A recorder, put to rest at every fork. It has to be made before the store is: who leads needs the store, and what is
/// made first rests first.
pub(crate) type OpenRecorder = ForkRegistered<Recorder>;

impl Recorder {
    pub(crate) fn open() -> OpenRecorder {
        ForkRegistered::new(Self { queue: Queue::new() })
    }

    /// Records usage, on disk when this returns.
    ///
    /// # Errors
    /// `not_found` where the tenant has no such key; `conflict` where the idempotency key stands for another request;
    /// `plan_limit` where there is no room and it was asked for: then nothing is written. Others fail everything that
    /// was to be written with it.
    pub(crate) fn record(
        &self,
        store: &Store,
        clock: &Clock,
        usage: Usage,
        retention: Option<Retention>,
    ) -> Result<Recorded> {
        self.queue.submit(usage, |usages| Self::record_all(store, clock, usages, retention))
    }

    /// Records all in one transaction, and removes some of what is older than `retention`; one outcome for each.
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
                // Nothing is written yet: what is rejected leaves the others alone.
                outcomes.push(match batch.judge(usage) {
                    Ok(recorded) => Ok(recorded),
                    Err(Failure::Rejected(rejection)) => Err(rejection),
                    Err(failure) => return Err(failure),
                });
            }
            tx.add_usage_events(&batch.events)?;
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

/// What is to be written in one transaction.
struct Batch<'a> {
    rows: &'a Rows<'a>,
    clock: &'a Clock,
    now: i64,
    ledger: Ledger<'a>,
    events: Vec<UsageRow>,
    /// Which of the events stands under an idempotency key.
    under: HashMap<(TenantId, String), usize>,
}

impl<'a> Batch<'a> {
    fn new(rows: &'a Rows<'a>, clock: &'a Clock) -> Self {
        let now = clock.unix_ms();
        let ledger = Ledger::new(rows, now);
        Self { rows, clock, now, ledger, events: Vec::new(), under: HashMap::new() }
    }

    fn judge(&mut self, usage: Usage) -> Result<Recorded, Failure> {
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
                    "idempotencyKey was used for another request: choose a new one for each",
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
        self.ledger.add(event.tenant_id, event.api_key_id, event.quantity);
        if let Some(key) = &event.idempotency_key {
            self.under.insert((event.tenant_id, key.clone()), self.events.len());
        }
        self.events.push(event.clone());
        Ok(event)
    }

    /// The event that stands under an idempotency key already.
    fn first_under(&self, tenant: TenantId, key: &str) -> Result<Option<UsageRow>, Failure> {
        match self.under.get(&(tenant, key.to_owned())) {
            Some(index) => Ok(self.events.get(*index).cloned()),
            None => self.rows.usage_event_under(tenant, key),
        }
    }

    /// The quota with this event in it, for those who asked. A key may be gone that a first event was recorded for.
    fn quota_with(&mut self, asked: Asked, event: &UsageRow) -> Result<Option<QuotaCheck>, Failure> {
        if asked == Asked::ToRecord {
            return Ok(None);
        }
        let quota = self.ledger.check(event.tenant_id, event.api_key_id, 0)?;
        Ok(quota.map(|quota| QuotaCheck { allowed: true, ..quota }))
    }
}

fn no_room(quota: &QuotaCheck) -> GatekeeperError {
    GatekeeperError::new(ErrorKind::PlanLimit, "the quota has no room for this quantity in this period")
        .with_details(serde_json::json!({ "quota": quota }))
}

/// One error for each; only the first has the cause, which is one.
fn fail_all<T>(error: GatekeeperError, count: usize) -> Vec<Result<T>> {
    let again = |_| Err(GatekeeperError::new(error.kind(), error.message()));
    let mut all: Vec<_> = (1..count).map(again).collect();
    all.insert(0, Err(error));
    all
}

#[cfg(test)]
mod tests;
