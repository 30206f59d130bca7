//! Quotas: those of a key and of its tenant, both of which must have room.

use serde::{Deserialize, Serialize};

use super::period::{Bucket, Period};

/// The level of the quota that a check reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuotaLevel {
    /// The quota of the API key, or of a key that created it.
    ApiKey,
    /// The quota of the tenant.
    Tenant,
    /// No quota: neither has a limit.
    Unlimited,
}

/// The result of checking the quotas. It reports the quota that rejects: the key's first, then those of the keys
/// that created it, then the tenant's. If none rejects, it reports the one with the least room; if there is no
/// quota, the usage of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QuotaCheck {
    /// Whether the quotas have room for the quantity.
    pub allowed: bool,
    /// The level of the reported quota.
    pub level: QuotaLevel,
    /// The limit in the period; none for no limit.
    pub limit: Option<i64>,
    /// The usage in the period.
    pub used: i64,
    /// The remaining quantity, at least 0; none for no limit.
    pub remaining: Option<i64>,
    /// The period of the quota.
    pub period: Period,
    /// When the next period begins, Unix milliseconds.
    pub reset_at: i64,
}

/// A quota and its usage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) limit: Option<i64>,
    pub(super) used: i64,
    pub(super) period: Period,
    pub(super) bucket: Bucket,
}

impl Account {
    fn remaining(&self) -> Option<i64> {
        self.limit.map(|limit| limit.saturating_sub(self.used).max(0))
    }

    fn has_room_for(&self, quantity: i64) -> bool {
        self.limit.is_none_or(|limit| self.used.saturating_add(quantity) <= limit)
    }
}

impl QuotaCheck {
    /// Checks whether the key and its chain of creators, if there is a key, and the tenant have room for
    /// `quantity`.
    pub(super) fn of(keys: &[Account], tenant: Account, quantity: i64) -> Self {
        let tenant_level = if tenant.limit.is_some() { QuotaLevel::Tenant } else { QuotaLevel::Unlimited };
        let levels = || {
            let limited = keys.iter().filter(|key| key.limit.is_some());
            limited.map(|key| (QuotaLevel::ApiKey, *key)).chain([(tenant_level, tenant)])
        };
        let rejecting = levels().find(|(_, account)| !account.has_room_for(quantity));
        let tightest = || levels().min_by_key(|(_, account)| account.remaining().unwrap_or(i64::MAX));
        let (level, account) = rejecting.or_else(tightest).unwrap_or((tenant_level, tenant));
        Self {
            allowed: rejecting.is_none(),
            level,
            limit: account.limit,
            used: account.used,
            remaining: account.remaining(),
            period: account.period,
            reset_at: account.bucket.ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(limit: Option<i64>, used: i64) -> Account {
        Account { limit, used, period: Period::Day, bucket: Period::Day.bucket(0) }
    }

    fn check(keys: &[Account], tenant: Account, quantity: i64) -> (bool, QuotaLevel, Option<i64>) {
        let check = QuotaCheck::of(keys, tenant, quantity);
        (check.allowed, check.level, check.remaining)
    }

    #[test]
    fn both_levels_must_have_room_and_the_keys_rejects_first() {
        use QuotaLevel::{ApiKey, Tenant, Unlimited};
        let (open, ten) = (account(None, 5), |used| account(Some(10), used));
        for (keys, tenant, quantity, expected) in [
            (&[][..], open, 100, (true, Unlimited, None)),
            (&[open], open, 100, (true, Unlimited, None)),
            (&[ten(3)], open, 7, (true, ApiKey, Some(7))),
            (&[ten(3)], open, 8, (false, ApiKey, Some(7))),
            (&[open], ten(4), 6, (true, Tenant, Some(6))),
            (&[open], ten(4), 7, (false, Tenant, Some(6))),
            (&[ten(3)], ten(4), 6, (true, Tenant, Some(6))),
            (&[ten(4)], ten(3), 6, (true, ApiKey, Some(6))),
            (&[ten(3)], ten(4), 7, (false, Tenant, Some(6))),
            (&[ten(10)], ten(10), 1, (false, ApiKey, Some(0))),
            (&[account(Some(0), 0)], open, 1, (false, ApiKey, Some(0))),
            // Recorded without a check of the quota.
            (&[ten(25)], open, 1, (false, ApiKey, Some(0))),
            // A key that another key created.
            (&[ten(1), ten(4)], open, 6, (true, ApiKey, Some(6))),
            (&[ten(1), open, ten(4)], open, 7, (false, ApiKey, Some(6))),
        ] {
            assert_eq!(check(keys, tenant, quantity), expected);
        }
    }
}
