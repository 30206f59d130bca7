//! The bound on concurrent exports, in total and for each tenant: a tenant that reads slowly does not block the exports of
//! others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatekeeper::{ErrorKind, GatekeeperError, Result, TenantId};

/// The maximum number of concurrent exports. Each holds one part in memory.
const MAX_TOTAL: usize = 64;
/// The maximum number of concurrent exports of one tenant, or of one client address if the request names no tenant.
const MAX_FOR_OWNER: usize = 8;

/// The exports that are in progress.
pub(crate) struct Exports(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    of: HashMap<ExportOwner, usize>,
}

/// The tenant or client address that an export counts against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ExportOwner {
    Tenant(TenantId),
    /// The client address of a request that does not name a tenant.
    Address(Option<String>),
}

/// An export in progress. It is counted until it is dropped.
pub(crate) struct ExportSlot {
    counts: Arc<Mutex<Counts>>,
    owner: ExportOwner,
}

impl Exports {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Starts an export.
    ///
    /// # Errors
    /// `rate_limited` if this owner has the maximum number of exports; `service_unavailable` if the server has.
    pub(crate) fn begin(&self, owner: ExportOwner) -> Result<ExportSlot> {
        let mut counts = lock(&self.0);
        let of_owner = counts.of.get(&owner).copied().unwrap_or_default();
        if of_owner >= MAX_FOR_OWNER {
            let message = format!(
                "at most {MAX_FOR_OWNER} concurrent exports of a tenant are allowed: wait until one has ended"
            );
            return Err(GatekeeperError::new(ErrorKind::RateLimited, message).after(1));
        }
        if counts.all >= MAX_TOTAL {
            let message = "too many concurrent exports: try again in a moment";
            return Err(GatekeeperError::new(ErrorKind::Busy, message).after(1));
        }
        counts.all += 1;
        counts.of.insert(owner.clone(), of_owner + 1);
        Ok(ExportSlot { counts: Arc::clone(&self.0), owner })
    }
}

impl ExportOwner {
    /// The tenant that the request names, otherwise its client address.
    pub(crate) fn of(texts: &[(String, String)], address: Option<String>) -> Self {
        let tenant = texts.iter().find(|(name, _)| name == "tenantId");
        let tenant = tenant.and_then(|(_, id)| id.parse().ok());
        tenant.map_or(Self::Address(address), Self::Tenant)
    }
}

impl Drop for ExportSlot {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        match counts.of.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.of.remove(&self.owner);
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(bits: usize) -> ExportOwner {
        ExportOwner::Tenant(format!("tnt_{bits:026}").parse().unwrap())
    }

    #[test]
    fn a_tenant_does_not_block_exports_of_others_and_an_export_that_ends_frees_its_slot() {
        let exports = Exports::new();
        let mut begun: Vec<_> = (0..MAX_FOR_OWNER).map(|_| exports.begin(tenant(1)).unwrap()).collect();
        let rejected = exports.begin(tenant(1)).err().unwrap();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::RateLimited, Some(1)));
        assert!(exports.begin(tenant(2)).is_ok());
        begun.pop();
        assert!(exports.begin(tenant(1)).is_ok());
        drop(begun);
        assert!(lock(&exports.0).of.is_empty());
    }

    #[test]
    fn the_total_of_concurrent_exports_is_bounded() {
        let exports = Exports::new();
        let start = |number: usize| exports.begin(tenant(number / MAX_FOR_OWNER));
        let mut begun: Vec<_> = (0..MAX_TOTAL).map(|number| start(number).unwrap()).collect();
        let rejected = start(MAX_TOTAL).err().unwrap();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(1)));
        begun.pop();
        assert!(start(MAX_TOTAL).is_ok());
    }

    #[test]
    fn an_export_counts_against_its_tenant_or_else_its_client_address() {
        let address = Some("192.0.2.1".to_owned());
        let named = [("tenantId".to_owned(), format!("tnt_{:026}", 7))];
        assert_eq!(ExportOwner::of(&named, address.clone()), tenant(7));
        assert_eq!(ExportOwner::of(&[], address.clone()), ExportOwner::Address(address));
    }
}
