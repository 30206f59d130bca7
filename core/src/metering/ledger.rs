//! What tenants and their keys have used, and may use, as one snapshot has it; and what a transaction adds to it, kept
//! in memory until all of it is known, so that many events of a tenant are few rows written.

use std::collections::HashMap;

use super::period::Period;
use super::quota::{Account, QuotaCheck};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::store::{Failure, MAX_KEY_GENERATIONS, Rows, SumOf, Tx, UsageSum};

/// Whose usage is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Tenant(TenantId),
    Key(KeyId),
}

/// What is known of a subject. A ledger is of one moment: what it adds, it adds to one bucket of each period.
struct Entry {
    /// Of a key.
    tenant: TenantId,
    /// The key that created this key.
    creator: Option<KeyId>,
    limit: Option<i64>,
    period: Period,
    /// What the store has of the bucket of that period, once somebody has asked.
    stored: Option<i64>,
    added: UsageSum,
}

/// The usage of one moment.
pub(crate) struct Ledger<'a> {
    rows: &'a Rows<'a>,
    now: i64,
    entries: HashMap<Subject, Entry>,
}

impl<'a> Ledger<'a> {
    /// The usage at `now`, Unix ms.
    pub(crate) fn new(rows: &'a Rows<'a>, now: i64) -> Self {
        Self { rows, now, entries: HashMap::new() }
    }

    /// Whether there is such a tenant.
    pub(crate) fn has_tenant(&mut self, tenant: TenantId) -> Result<bool, Failure> {
        Ok(self.entry(Subject::Tenant(tenant))?.is_some())
    }

    /// Whether the tenant has such a key.
    pub(crate) fn has_key(&mut self, tenant: TenantId, key: KeyId) -> Result<bool, Failure> {
        if self.entry(Subject::Key(key))?.is_none_or(|entry| entry.tenant != tenant) {
            return Ok(false);
        }
        self.lineage(key)?;
        Ok(true)
    }

    /// Whether the tenant, and the key with those that created it if there is one, have room for `quantity`; none without
    /// such a tenant.
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

    /// Adds an event of a tenant, and of a key, which were found before: once to the tenant, and to the key and each of
    /// those that created it.
    pub(crate) fn add(&mut self, tenant: TenantId, key: Option<KeyId>, quantity: i64) {
        self.add_to(Subject::Tenant(tenant), quantity);
        let mut next = key;
        for _ in 0..=MAX_KEY_GENERATIONS {
            let Some(key) = next else { break };
            next = self.add_to(Subject::Key(key), quantity);
        }
    }

    /// Adds an event of this subject alone; for a key, the key that created it.
    fn add_to(&mut self, subject: Subject, quantity: i64) -> Option<KeyId> {
        let entry = self.entries.get_mut(&subject)?;
        entry.added.quantity += quantity;
        entry.added.events += 1;
        entry.creator
    }

    /// A key that is there and those that created it, each the one before, as far as they are there.
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

    /// Writes what was added.
    pub(crate) fn write(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        for (subject, entry) in self.entries.iter().filter(|(_, entry)| entry.added.events > 0) {
            let subject = subject.name();
            for period in Period::ALL {
                tx.add_to_usage_sum(&self.sum_of(&subject, period), entry.added)?;
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
            self.entries.insert(subject, Entry { tenant, creator, limit, period, stored: None, added });
        }
        Ok(self.entries.get_mut(&subject))
    }

    fn sum_of<'s>(&self, subject: &'s str, period: Period) -> SumOf<'s> {
        SumOf { subject, period: period.as_str(), starts: period.bucket(self.now).starts }
    }
}

impl Subject {
    /// As the sums have it.
    fn name(self) -> String {
        match self {
            Self::Tenant(id) => id.to_string(),
            Self::Key(id) => id.to_string(),
        }
    }
}
