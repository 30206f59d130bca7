//! A key's record, as verification needs it, and whether it is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::id::{KeyId, TenantId};
use crate::role::RoleSet;

/// What is known of a live or expired key.
#[derive(Debug)]
pub(crate) struct KnownKey {
    /// Never used again for another record, so that what was derived from this one can be remembered.
    pub(crate) serial: u64,
    /// The change number of the snapshot this was read from.
    pub(crate) as_of: u64,
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) roles: Arc<RoleSet>,
    /// None where there is nothing in it, as for most keys.
    pub(crate) extra: Option<Arc<Extra>>,
    /// Whether it is neither disabled nor revoked.
    pub(crate) is_active: bool,
    /// Unix ms from which on the key is not good; `i64::MAX` where it never ends.
    pub(crate) expires_at: i64,
}

/// What only some keys have.
#[derive(Debug)]
pub(crate) struct Extra {
    /// Sorted by bytes, each once.
    pub(crate) scopes: Arc<[String]>,
    /// A JSON object.
    pub(crate) metadata: Option<Box<str>>,
}

impl KnownKey {
    /// Its scopes.
    pub(crate) fn scopes(&self) -> Arc<[String]> {
        self.extra.as_ref().map(|extra| Arc::clone(&extra.scopes)).unwrap_or_default()
    }

    /// A serial for a new record.
    pub(crate) fn next_serial() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Relaxed)
    }

    /// Whether the key is good at `wall_ms`, for a caller bound to `tenant` or, without one, to none.
    pub(crate) fn is_good(&self, wall_ms: u64, tenant: Option<TenantId>) -> bool {
        let live = i64::try_from(wall_ms).is_ok_and(|now| now < self.expires_at);
        self.is_active && live && tenant.is_none_or(|tenant| tenant == self.tenant)
    }
}
