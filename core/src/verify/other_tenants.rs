//! Counts valid keys that the operator's verifications rejected because their tenants are not accepted.
//!
//! The caller sees an invalid key. The operator gets a warning, since the tenant may be missing from the settings.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::clock::Now;
use crate::id::TenantId;

/// The minimum time between two warnings, in ms.
const WARN_EVERY_MS: u64 = 60_000;

const WARNING: &str = "a valid key was rejected because its tenant is not accepted here: if its keys should be valid, add \
     the tenant to `tenants` of the key manager or of keys.verify, or to `tenants` of [gateway] in gatekeeper.toml";

/// The number of rejections, and whether a warning is pending.
#[derive(Debug, Default)]
pub(super) struct OtherTenants {
    rejected: AtomicU64,
    /// The earliest time of the next warning, on the boot clock in ms.
    warn_from: AtomicU64,
    warns: AtomicBool,
}

impl OtherTenants {
    /// Counts a rejection, and warns if the last warning is at least [`WARN_EVERY_MS`] ago.
    #[cold]
    pub(super) fn note(&self, tenant: TenantId, now: Now) {
        let rejected = self.rejected.fetch_add(1, Relaxed) + 1;
        let from = self.warn_from.load(Relaxed);
        if now.boot_ms < from {
            return;
        }
        let next = now.boot_ms.saturating_add(WARN_EVERY_MS);
        if self.warn_from.compare_exchange(from, next, Relaxed, Relaxed).is_ok() {
            tracing::warn!(%tenant, rejected, "{WARNING}");
            self.warns.store(true, Relaxed);
        }
    }

    /// The number of rejections.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
    }

    /// Whether a warning is pending.
    #[inline]
    pub(super) fn has_warning(&self) -> bool {
        self.warns.load(Relaxed)
    }

    /// The pending warning, once.
    pub(super) fn take_warning(&self) -> Option<String> {
        let warns = self.has_warning() && self.warns.swap(false, Relaxed);
        warns.then(|| format!("{WARNING}; {} so far in this process", self.rejected()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_warned_once_a_minute_and_every_rejection_is_counted() {
        let (others, tenant) = (OtherTenants::default(), TenantId::from_bits(7));
        let at = |boot_ms| others.note(tenant, Now { boot_ms, wall_ms: 0 });
        assert!(!others.has_warning() && others.take_warning().is_none());
        at(5);
        assert!(others.has_warning() && others.take_warning().unwrap().contains("[gateway]"));
        at(6);
        at(60_004);
        assert_eq!((others.take_warning(), others.rejected()), (None, 3));
        at(60_005);
        assert!(others.take_warning().unwrap().ends_with("4 so far in this process"));
        assert!(others.take_warning().is_none());
    }
}
