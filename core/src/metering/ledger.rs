//! The ledger of a transaction: the usage and quotas of tenants and keys as one snapshot has them, and the usage
//! that the transaction adds. Additions are collected in memory, so that many events of a tenant write few rows.

use std::collections::HashMap;

use super::period::Period;
use super::quota::{Account, QuotaCheck};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::store::{Failure, MAX_KEY_GENERATIONS, Room, Rows, SumOf, Tx, UsageSum};

/// A tenant or a key whose usage is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Tenant(TenantId),
    Key(KeyId),
}

/// The state of a subject. A ledger is of one moment, so an addition changes one bucket of each period.
struct Entry {
    /// The tenant of a key.
    tenant: TenantId,
    /// The key that created this key.
    creator: Option<KeyId>,
    limit: Option<i64>,
    period: Period,
    /// The stored total of the period's bucket, once it was read.
    stored: Option<i64>,
    added: UsageSum,
    /// The part of that which has to fit the limit: up to the last event that was added because there was room.
    fitted: Option<i64>,
}

/// The usage and quotas at one moment.
pub(crate) struct Ledger<'a> {
    rows: &'a Rows<'a>,
    now: i64,
    entries: HashMap<Subject, Entry>,
}

impl<'a> Ledger<'a> {
    /// A ledger at `now`, Unix ms.
    pub(crate) fn new(rows: &'a Rows<'a>, now: i64) -> Self {
        Self { rows, now, entries: HashMap::new() }
    }

    /// Whether the tenant exists.
    pub(crate) fn has_tenant(&mut self, tenant: TenantId) -> Result<bool, Failure> {
        Ok(self.entry(Subject::Tenant(tenant))?.is_some())
    }

    /// Whether the key exists in the tenant.
    pub(crate) fn has_key(&mut self, tenant: TenantId, key: KeyId) -> Result<bool, Failure> {
        if self.entry(Subject::Key(key))?.is_none_or(|entry| entry.tenant != tenant) {
            return Ok(false);
        }
        self.lineage(key)?;
        Ok(true)
    }

    /// Checks whether the tenant, and the key with the keys that created it, have room for `quantity`. Returns none
    /// if the tenant does not exist.
    pub(crate) fn check(
        &mut self,
        tenant: TenantId,
        key: Option<KeyId>,
        quantity: i64,
    ) -> Result<Option<QuotaCheck>, Failure> {
        let mut keys = Vec::new();
        if let Some(key) = key {
            for key in self.lineage(key)? {
                keys.extend(self.account(Subject::Key(key))?);
            }
        }
        let tenant = self.account(Subject::Tenant(tenant))?;
        Ok(tenant.map(|tenant| QuotaCheck::of(&keys, tenant, quantity)))
    }

    /// Adds an event of a tenant and a key that exist: once to the tenant, and to the key and each key in its chain
    /// of creators. `fits` if it is added only because the quotas have room for it.
    pub(crate) fn add(&mut self, tenant: TenantId, key: Option<KeyId>, quantity: i64, fits: bool) {
        self.add_to(Subject::Tenant(tenant), quantity, fits);
        let mut next = key;
        for _ in 0..=MAX_KEY_GENERATIONS {
            let Some(key) = next else { break };
            next = self.add_to(Subject::Key(key), quantity, fits);
        }
    }

    /// Adds an event to one subject. Returns the key that created it, if it is a key.
    fn add_to(&mut self, subject: Subject, quantity: i64, fits: bool) -> Option<KeyId> {
        let entry = self.entries.get_mut(&subject)?;
        entry.added.quantity += quantity;
        entry.added.events += 1;
        if fits {
            entry.fitted = Some(entry.added.quantity);
        }
        entry.creator
    }

    /// An existing key and its chain of creators, as far as these exist.
    fn lineage(&mut self, key: KeyId) -> Result<Vec<KeyId>, Failure> {
        let (mut lineage, mut next) = (Vec::new(), Some(key));
        while let Some(key) = next
            && lineage.len() <= MAX_KEY_GENERATIONS as usize
            && let Some(entry) = self.entry(Subject::Key(key))?
        {
            next = entry.creator;
            lineage.push(key);
        }
        Ok(lineage)
    }

    /// Writes the additions.
    ///
    /// # Errors
    /// `Overtaken` if another transaction has used the room meanwhile.
    pub(crate) fn write(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        for (subject, entry) in self.entries.iter().filter(|(_, entry)| entry.added.events > 0) {
            let subject = subject.name();
            for period in Period::ALL {
                let room = entry.room().filter(|_| period == entry.period);
                if !tx.add_to_usage_sum(&self.sum_of(&subject, period), entry.added, room)? {
                    return Err(Failure::Overtaken);
                }
            }
        }
        Ok(())
    }

    fn account(&mut self, subject: Subject) -> Result<Option<Account>, Failure> {
        let (rows, now) = (self.rows, self.now);
        let Some(entry) = self.entry(subject)? else { return Ok(None) };
        let (limit, period, bucket) = (entry.limit, entry.period, entry.period.bucket(now));
        let stored = if let Some(stored) = entry.stored {
            stored
        } else {
            let name = subject.name();
            let of = SumOf { subject: &name, period: period.as_str(), starts: bucket.starts };
            *entry.stored.insert(rows.usage_sum(&of)?.quantity)
        };
        Ok(Some(Account { limit, used: stored + entry.added.quantity, period, bucket }))
    }

    fn entry(&mut self, subject: Subject) -> Result<Option<&mut Entry>, Failure> {
        if !self.entries.contains_key(&subject) {
            let found = match subject {
                Subject::Tenant(id) => {
                    self.rows.tenant(id)?.map(|tenant| (id, None, tenant.quota_limit, tenant.quota_period))
                }
                Subject::Key(id) => {
                    self.rows.key_quota(id)?.map(|key| (key.tenant, key.creator, key.limit, key.period))
                }
            };
            let Some((tenant, creator, limit, period)) = found else { return Ok(None) };
            let period = Period::stored(&period)?;
            let added = UsageSum::default();
            let entry = Entry { tenant, creator, limit, period, stored: None, added, fitted: None };
            self.entries.insert(subject, entry);
        }
        Ok(self.entries.get_mut(&subject))
    }

    fn sum_of<'s>(&self, subject: &'s str, period: Period) -> SumOf<'s> {
        SumOf { subject, period: period.as_str(), starts: period.bucket(self.now).starts }
    }
}

impl Entry {
    /// The room that the bucket of its period must have.
    fn room(&self) -> Option<Room> {
        Some(Room { quantity: self.fitted?, limit: self.limit? })
    }
}

impl Subject {
    /// The name of the subject in the stored totals.
    fn name(self) -> String {
        match self {
            Self::Tenant(id) => id.to_string(),
            Self::Key(id) => id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DEFAULT_TENANT, Quota, Store};

    #[test]
    fn of_two_ledgers_that_read_the_same_sum_one_is_written() {
        let store = Store::in_memory().unwrap();
        let quota = Quota { limit: Some(5), period: "month" };
        store.write(|tx| tx.set_tenant_quota(DEFAULT_TENANT, quota)).unwrap();
        let both = store.write(|tx| {
            let tx = &*tx;
            let mut ledgers = [Ledger::new(tx, 0), Ledger::new(tx, 0)];
            for ledger in &mut ledgers {
                assert!(ledger.check(DEFAULT_TENANT, None, 3)?.unwrap().allowed);
                ledger.add(DEFAULT_TENANT, None, 3, true);
            }
            ledgers[0].write(tx)?;
            ledgers[1].write(tx)
        });
        let error = both.unwrap_err();
        assert_eq!(error.status(), 503);
        assert!(error.message().ends_with("and nothing was written: try again"), "{}", error.message());
        let (subject, bucket) = (DEFAULT_TENANT.to_string(), Period::Month.bucket(0));
        let of = SumOf { subject: &subject, period: Period::Month.as_str(), starts: bucket.starts };
        assert_eq!(store.read_rows(|rows| rows.usage_sum(&of)).unwrap(), UsageSum::default());
    }
}
