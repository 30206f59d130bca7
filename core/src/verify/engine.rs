//! The verification engine of a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::cache::{CacheEntry, CacheStats, KeyCache};
use super::compiled::CompiledEndpoint;
use super::imports::Imports;
use super::io::Io;
use super::other_tenants::OtherTenants;
use super::tenants::KeysOf;
use super::verdict::{Decision, Verdict};
use crate::clock::{Clock, Now};
use crate::counters::{Counters, SlotName};
use crate::deadline;
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, ForkRegistered, ForkSafe};
use crate::id::{KeyId, TenantId};
use crate::ipc::{Map, Segment, Touched, VersionCounters};
use crate::key::{CachedKey, Extra, LastUse, valid_until};
use crate::role::RoleSets;
use crate::store::{KeyRecord, KeyRow, Store};
use crate::window::{Acquired, Limit, Request};

/// The verification engine of a database: its records, its counters, its clock and its cache.
pub(crate) struct Engine {
    store: Arc<Store>,
    counters: Counters,
    clock: Clock,
    pub(super) cache: KeyCache,
    role_sets: RoleSets,
    pub(super) imports: Imports,
    other_tenants: OtherTenants,
    /// The next time at which a full buffer of last uses may be moved to the database, on the boot clock in ms.
    may_move_ms: AtomicU64,
}

/// An open engine. It is closed when the last reference is dropped.
pub(crate) type OpenEngine = Arc<ForkRegistered<Engine>>;

/// The maximum numbers of keys and of unknown digests in the cache.
pub(crate) struct CacheSizes {
    pub(crate) known: usize,
    pub(crate) unknown: usize,
}

/// The time and the shared segment at the start of a verification.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    now: Now,
    segment: &'a Segment,
}

/// The minimum time between two moves of a full buffer of last uses, in ms.
const MOVE_EVERY_MS: u64 = 1000;
/// The maximum number of times that one verification replaces the shared segment.
const MAX_SEGMENTS: usize = 3;

impl Engine {
    /// Opens the engine of `store`. The counters are next to its file, or in memory for a store in memory.
    pub(crate) fn open(store: Arc<Store>, clock: Clock, sizes: &CacheSizes) -> Result<OpenEngine> {
        let counters = match store.path() {
            None => Counters::in_memory(),
            Some(_) => Counters::beside_database(Arc::clone(store.shared())),
        };
        Ok(Arc::new(ForkRegistered::new(Self {
            store,
            counters,
            clock,
            cache: KeyCache::new(sizes.known, sizes.unknown)?,
            role_sets: RoleSets::new(),
            imports: Imports::default(),
            other_tenants: OtherTenants::default(),
            may_move_ms: AtomicU64::new(0),
        })))
    }

    /// The store, for this module only: operations write through `authz::Context`, which authorizes the caller again.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A view of this moment; none if that would need I/O and `io` forbids it.
    pub(crate) fn view(&self, io: Io) -> Result<Option<View<'_>>> {
        let now = self.clock.now();
        let segment = match self.store.segment(now.boot_ms)? {
            None if io == Io::Allowed => self.store.open_shared()?,
            None => return Ok(None),
            Some(segment) => segment,
        };
        Ok(Some(View { now, segment }))
    }

    /// Validates `key`, waiting for the store if its record is not cached.
    pub(crate) fn verify_blocking<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &CompiledEndpoint,
        variables: &[V],
        keys_of: KeysOf<'_>,
    ) -> Result<Verdict> {
        deadline::call(|| match self.view(Io::Allowed)? {
            Some(view) => {
                require_verdict(self.verify(key, endpoint, variables, keys_of, view, Io::Allowed)?)
            }
            None => require_verdict(None),
        })
    }

    /// Validates `key` at `view` and acquires one permit of its slot; none if that would need I/O and `io` forbids it.
    #[inline]
    pub(crate) fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &CompiledEndpoint,
        variables: &[V],
        keys_of: KeysOf<'_>,
        view: View<'_>,
        io: Io,
    ) -> Result<Option<Verdict>> {
        let known = match self.valid_key(key, keys_of, view, io)? {
            None => return Ok(None),
            Some(CacheEntry::Unknown) => return Ok(Some(Verdict::InvalidKey)),
            Some(CacheEntry::Known(known)) => known,
        };
        if !self.touch(&known, view, io) {
            return Ok(None);
        }
        self.admit(known, endpoint, variables, 1, view, io)
    }

    /// Acquires `cost` permits, at least 1, of the slot of a valid key; none if that would need I/O and `io` forbids it.
    ///
    /// # Errors
    /// `bad_request` if `cost` is greater than the limit.
    #[inline]
    pub(crate) fn admit<V: AsRef<str>>(
        &self,
        known: Arc<CachedKey>,
        endpoint: &CompiledEndpoint,
        variables: &[V],
        cost: u32,
        view: View<'_>,
        io: Io,
    ) -> Result<Option<Verdict>> {
        let now = view.now;
        let (selected, limit) = endpoint.choose(&known.roles);
        if cost > limit.max_req() {
            return Err(GatekeeperError::bad_request(format!(
                "cost must be at most {}, the limit that applies here",
                limit.max_req()
            )));
        }
        let request = Request { limit, shorter: &[], cost, keep_ms: endpoint.keep_ms() };
        let Some(acquired) =
            self.acquire(view, &request, io, |secret| endpoint.slot(secret, known.id, variables))?
        else {
            return Ok(None);
        };

        let frees_in = acquired.frees_at.saturating_sub(now.boot_ms);
        let decision = Decision {
            remaining: acquired.remaining,
            total: acquired.limit.max_req(),
            reset: now.wall_ms.saturating_add(frees_in).div_ceil(1000),
            retry_after_ms: acquired.retry_after_ms(),
            window_ms: acquired.limit.duration_ms(),
            reset_after_ms: acquired.frees_in_ms,
            role: selected.map(|selected| selected.role),
            key: known,
        };
        Ok(Some(if acquired.admitted { Verdict::Admitted(decision) } else { Verdict::RateLimited(decision) }))
    }

    /// Records the use of a valid key, once a minute. False if that would need I/O and `io` forbids it: a file must be
    /// opened, or the buffer of last uses is full and must be moved first.
    #[inline]
    pub(crate) fn touch(&self, key: &CachedKey, view: View<'_>, io: Io) -> bool {
        !key.used.is_news(view.now.wall_ms) || self.touch_now(key, view, io)
    }

    #[cold]
    fn touch_now(&self, key: &CachedKey, view: View<'_>, io: Io) -> bool {
        let Now { boot_ms, wall_ms } = view.now;
        let touch = || self.store.shared().touch(view.segment, key.id, wall_ms, io == Io::Allowed);
        let touched = match touch() {
            // The buffer was moved a moment ago and is full again: this use is not recorded.
            Touched::Full if boot_ms < self.may_move_ms.load(Relaxed) => Touched::Noted,
            Touched::Full if io == Io::Allowed => {
                self.may_move_ms.store(boot_ms.saturating_add(MOVE_EVERY_MS), Relaxed);
                self.store.move_last_uses();
                touch()
            }
            touched => touched,
        };
        if touched == Touched::Noted || io == Io::Allowed {
            key.used.set(wall_ms);
            return true;
        }
        false
    }

    /// Moves buffered last uses to the database, if that is possible without waiting.
    pub(crate) fn move_last_uses(&self) {
        self.store.move_last_uses();
    }

    /// Adds the buffered last uses to these records.
    pub(crate) fn with_last_uses(&self, keys: &mut [KeyRecord]) {
        self.store.with_last_uses(keys);
    }

    /// Counts a valid key that was rejected because the operator does not accept its tenant.
    pub(super) fn note_other_tenant(&self, tenant: TenantId, view: View<'_>) {
        self.other_tenants.note(tenant, view.now);
    }

    /// The number of valid keys that were rejected because the operator does not accept their tenants.
    pub(crate) fn other_tenants_rejected(&self) -> u64 {
        self.other_tenants.rejected()
    }

    /// Whether [`take_warning`](Self::take_warning) returns a warning about such keys.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.other_tenants.has_warning()
    }

    /// The warning about such keys, once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        self.other_tenants.take_warning()
    }

    /// The numbers of cache entries.
    pub(crate) fn cache_stats(&self) -> CacheStats {
        self.cache.cache_stats()
    }

    /// Acquires a permit of a slot that belongs to no key, named by `name` and `variable`.
    pub(crate) fn acquire_unkeyed(&self, name: &str, variable: &str, limit: Limit) -> Result<Acquired> {
        let view = self.view(Io::Allowed)?;
        let request = Request { limit, shorter: &[], cost: 1, keep_ms: limit.duration_ms() };
        let key_id = KeyId::from_bits(0);
        let slot = |secret: &[u8; 16]| SlotName::new(secret, name, key_id, &[variable]);
        let acquired =
            view.map(|view| self.acquire(view, &request, Io::Allowed, slot)).transpose()?.flatten();
        acquired.ok_or_else(|| GatekeeperError::internal("nothing was counted, although I/O was allowed"))
    }

    /// Acquires a permit of the slot with this name; none if that would need I/O and `io` forbids it.
    fn acquire(
        &self,
        view: View<'_>,
        request: &Request<'_>,
        io: Io,
        name: impl Fn(&[u8; 16]) -> SlotName,
    ) -> Result<Option<Acquired>> {
        let mut segment = view.segment;
        for _ in 0..MAX_SEGMENTS {
            let slot = name(&segment.slot_key);
            let acquired = self.counters.acquire(segment, slot, view.now, request, io == Io::Allowed)?;
            if acquired.is_some() || io == Io::Forbidden {
                return Ok(acquired);
            }
            // The segment was replaced after this view was created. The key is still valid at the view, and counting
            // starts at zero.
            segment = self.store.open_shared()?;
        }
        Err(GatekeeperError::unavailable(
            "the files next to the database were removed repeatedly: do not delete them while it is in use",
        ))
    }

    pub(super) fn known_key(&self, row: KeyRow, version: u64) -> CachedKey {
        CachedKey {
            serial: CachedKey::next_serial(),
            version,
            valid_until: valid_until(&row),
            id: row.id,
            tenant: row.tenant,
            owner: row.owner_id.map(Into::into),
            roles: self.role_sets.share(row.roles),
            extra: (!row.scopes.is_empty() || row.metadata.is_some() || row.hashed_suffix.is_some()).then(
                || {
                    Arc::new(Extra {
                        scopes: row.scopes.into(),
                        metadata: row.metadata.map(Into::into),
                        hashed_suffix: row.hashed_suffix.map(Into::into),
                    })
                },
            ),
            used: LastUse::default(),
        }
    }
}

impl View<'_> {
    /// The time at the start of the verification, in Unix ms.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.now.wall_ms
    }

    pub(super) fn version_counters(&self) -> &VersionCounters<Map> {
        &self.segment.version_counters
    }
}

/// The verdict of a call with [`Io::Allowed`], which always has one.
pub(super) fn require_verdict(verdict: Option<Verdict>) -> Result<Verdict> {
    verdict.ok_or_else(|| GatekeeperError::internal("no verdict, although I/O was allowed"))
}

impl ForkSafe for Engine {
    fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        // In the order in which a call acquires them, so that there is no deadlock.
        self.store.quiesce_slow(guards);
        self.counters.quiesce_slow(guards);
        self.store.shared().quiesce_slow(guards);
    }

    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.cache.quiesce(guards);
        self.role_sets.quiesce(guards);
        self.imports.quiesce(guards);
        self.counters.quiesce(guards);
        self.store.shared().quiesce(guards);
    }

    fn close(&self) {
        self.counters.close();
        self.store.close();
        self.store.shared().close();
    }
}

#[cfg(test)]
mod tests;
