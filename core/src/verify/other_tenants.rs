//! Valid keys that the operator's verifications rejected, because their tenant is not one that is accepted.
//!
//! The caller is told nothing of it. The operator is: the setting may be one that was forgotten.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::clock::Now;
use crate::id::TenantId;

/// How long after a warning the next one follows at the earliest, in ms.
const WARN_EVERY_MS: u64 = 60_000;

const WARNING: &str = "a valid key was rejected because its tenant is not accepted here: if its keys should count, name \
     the tenant in `tenants` of the key manager or of keys.verify, or in `tenants` of [gateway] in gatekeeper.toml";

/// How many there were, and whether the operator is to be warned of them.
#[derive(Debug, Default)]
pub(super) struct OtherTenants {
    rejected: AtomicU64,
    /// On the clock that starts with the machine, in ms.
    warn_from: AtomicU64,
    warns: AtomicBool,
}

impl OtherTenants {
    /// Counts one, and warns of it if the last warning is long enough ago.
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

    /// How many there were.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
    }

    /// Whether there is a warning that was not taken yet.
    #[inline]
    pub(super) fn has_warning(&self) -> bool {
        self.warns.load(Relaxed)
    }

    /// The warning, once.
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
