//! Bounds on the size and growth of a tenant: with open sign-up, any client can own one. The operator has no
//! bounds.

use super::Context;
use super::principal::Principal;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::TenantId;
use crate::store::{Failure, TenantSize, Tx};
use crate::window::Limit;

/// The maximum number of keys of a tenant, whatever their status.
const MAX_KEYS: i64 = 1_000_000;
/// The maximum number of members of a tenant.
const MAX_MEMBERS: i64 = 10_000;
/// The maximum total metadata of a tenant's keys, in bytes.
const MAX_METADATA_BYTES: i64 = 256 * 1024 * 1024;
/// The maximum number of usage and audit events that a tenant records in a second.
const MAX_EVENTS: u32 = 10_000;

/// The messages: which bound was exceeded, and what to do.
const TOO_MANY_KEYS: &str = "a tenant has at most 1,000,000 keys: delete revoked and expired keys first";
const TOO_MANY_MEMBERS: &str = "a tenant has at most 10,000 members: remove some first";
const TOO_MUCH_METADATA: &str =
    "the metadata of a tenant's keys is at most 256 MiB of JSON: shorten or remove some first";

impl Context<'_> {
    /// Runs a change that may enlarge a tenant.
    ///
    /// # Errors
    /// Those of `change`; `plan_limit` if the tenant would exceed a bound.
    pub(crate) fn within_bounds<T>(
        &self,
        tx: &mut Tx<'_>,
        tenant: TenantId,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if matches!(self.principal(), Principal::Operator) {
            return change(tx);
        }
        let before = tx.tenant_size(tenant)?;
        let changed = change(tx)?;
        match exceeded(before, tx.tenant_size(tenant)?) {
            Some(message) => Err(GatekeeperError::new(ErrorKind::PlanLimit, message).into()),
            None => Ok(changed),
        }
    }

    /// Counts an event that the tenant records.
    ///
    /// # Errors
    /// `rate_limited` if the tenant has recorded too many in this second; `service_unavailable` if the counters
    /// cannot be reached.
    pub(crate) fn count_event(&self, tenant: TenantId) -> Result<()> {
        if matches!(self.principal(), Principal::Operator) {
            return Ok(());
        }
        let limit = Limit::new(MAX_EVENTS, 1000)?;
        if self.engine().acquire_unkeyed("events", &tenant.to_string(), limit)?.admitted {
            return Ok(());
        }
        let message =
            "a tenant records at most 10,000 usage and audit events in a second: wait and try again";
        Err(GatekeeperError::new(ErrorKind::RateLimited, message).after(1))
    }
}

/// The message for the bound that a change exceeded, if any.
fn exceeded(before: TenantSize, after: TenantSize) -> Option<&'static str> {
    [
        (before.keys, after.keys, MAX_KEYS, TOO_MANY_KEYS),
        (before.members, after.members, MAX_MEMBERS, TOO_MANY_MEMBERS),
        (before.metadata_bytes, after.metadata_bytes, MAX_METADATA_BYTES, TOO_MUCH_METADATA),
    ]
    .into_iter()
    .find(|(before, after, most, _)| after > most && after > before)
    .map(|(.., message)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_beyond_a_bound_is_rejected_and_shrinking_never_is() {
        let size = |keys, members, metadata_bytes| TenantSize { keys, members, metadata_bytes };
        assert_eq!(exceeded(size(MAX_KEYS - 1, 0, 0), size(MAX_KEYS, 0, 0)), None);
        assert_eq!(exceeded(size(MAX_KEYS, 0, 0), size(MAX_KEYS + 1, 0, 0)), Some(TOO_MANY_KEYS));
        assert_eq!(exceeded(size(MAX_KEYS + 9, 0, 0), size(MAX_KEYS + 8, 0, 0)), None);
        assert_eq!(exceeded(size(0, MAX_MEMBERS, 0), size(0, MAX_MEMBERS + 1, 0)), Some(TOO_MANY_MEMBERS));
        let most = MAX_METADATA_BYTES;
        assert_eq!(exceeded(size(9, 9, most), size(9, 9, most + 1)), Some(TOO_MUCH_METADATA));
    }
}
