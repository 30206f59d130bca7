//! The verification engine of a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::cache::{CacheStats, KeyCache};
use super::imports::Imports;
use super::other_tenants::OtherTenants;
use crate::clock::{Clock, Now};
use crate::counters::{Counters, Reply, SlotName};
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
        Self::with_counters(store, counters, clock, sizes)
    }

    /// Opens the engine of `store` with these counters.
    pub(crate) fn with_counters(
        store: Arc<Store>,
        counters: Counters,
        clock: Clock,
        sizes: &CacheSizes,
    ) -> Result<OpenEngine> {
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

    /// A view of this moment; none if the files that the processes of a machine share are not open.
    #[inline]
    pub(crate) fn view(&self) -> Result<Option<View<'_>>> {
        let now = self.clock.now();
        Ok(self.store.segment(now.boot_ms)?.map(|segment| View { now, segment }))
    }

    /// A view of this moment. Opens these files if necessary.
    pub(crate) fn open_view(&self) -> Result<View<'_>> {
        match self.view()? {
            Some(view) => Ok(view),
            None => self.store.open_shared().map(|segment| View { now: self.clock.now(), segment }),
        }
    }

    /// Notes the use of a valid key, once a minute. False if that needs I/O: a file must be opened, or the buffer of last
    /// uses is full and must be moved to the database first.
    #[inline]
    pub(super) fn note_use(&self, key: &CachedKey, view: View<'_>) -> bool {
        !key.used.is_news(view.now.wall_ms) || self.note_use_now(key, view)
    }

    #[cold]
    fn note_use_now(&self, key: &CachedKey, view: View<'_>) -> bool {
        let noted = match self.store.shared().touch(view.segment, key.id, view.now.wall_ms, false) {
            Touched::Noted => true,
            // The buffer was moved a moment ago and is full again: this use is not recorded.
            Touched::Full => view.now.boot_ms < self.may_move_ms.load(Relaxed),
            Touched::NotOpen => false,
        };
        if noted {
            key.used.set(view.now.wall_ms);
        }
        noted
    }

    /// [`note_use`](Self::note_use) that opens the file, and empties the buffer. A use that cannot be recorded is not an
    /// error.
    pub(super) fn note_use_waiting(&self, key: &CachedKey, view: View<'_>) {
        let Now { boot_ms, wall_ms } = view.now;
        let touch = || self.store.shared().touch(view.segment, key.id, wall_ms, true);
        if touch() == Touched::Full && boot_ms >= self.may_move_ms.load(Relaxed) {
            self.may_move_ms.store(boot_ms.saturating_add(MOVE_EVERY_MS), Relaxed);
            self.store.move_last_uses();
            touch();
        }
        key.used.set(wall_ms);
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

    /// Acquires a permit of a slot that belongs to no key, named by `name` and `variable`. It may wait for the disk.
    pub(crate) fn acquire_unkeyed(&self, name: &str, variable: &str, limit: Limit) -> Result<Acquired> {
        let request = Request { limit, shorter: &[], cost: 1, keep_ms: limit.duration_ms() };
        let slot = |secret: &[u8; 16]| SlotName::new(secret, name, KeyId::from_bits(0), &[variable]);
        self.acquire(self.open_view()?, &request, slot)
    }

    /// Whether permits are granted by a reply that comes later.
    pub(super) fn counters_reply_later(&self) -> bool {
        self.counters.reply_later()
    }

    /// Asks such counters for permits of the slot with this name.
    pub(super) fn ask(&self, view: View<'_>, request: &Request<'_>, name: SlotName, reply: Reply) {
        self.counters.ask(name, view.now, request, reply);
    }

    /// Acquires permits of the slot with this name; none if the counters must be opened or asked first.
    #[inline]
    pub(super) fn acquire_if_open(
        &self,
        view: View<'_>,
        request: &Request<'_>,
        name: impl Fn(&[u8; 16]) -> SlotName,
    ) -> Result<Option<Acquired>> {
        self.counters.acquire(view.segment, name(&view.segment.slot_key), view.now, request, false)
    }

    /// Acquires permits of the slot with this name, and opens the counters, or waits for their reply, if necessary.
    pub(super) fn acquire(
        &self,
        view: View<'_>,
        request: &Request<'_>,
        name: impl Fn(&[u8; 16]) -> SlotName,
    ) -> Result<Acquired> {
        let mut segment = view.segment;
        for _ in 0..MAX_SEGMENTS {
            let slot = name(&segment.slot_key);
            if let Some(acquired) = self.counters.acquire(segment, slot, view.now, request, true)? {
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
            extra: Extra {
                name: row.name.map(Into::into),
                scopes: row.scopes.into(),
                metadata: row.metadata.map(Into::into),
                hashed_suffix: row.hashed_suffix.map(Into::into),
            }
            .if_any(),
            used: LastUse::default(),
        }
    }
}

impl View<'_> {
    pub(super) fn now(&self) -> Now {
        self.now
    }

    /// The key under which slots are named.
    pub(super) fn slot_key(&self) -> &[u8; 16] {
        &self.segment.slot_key
    }

    /// The time at the start of the verification, in Unix ms.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.now.wall_ms
    }

    pub(super) fn version_counters(&self) -> &VersionCounters<Map> {
        &self.segment.version_counters
    }
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
