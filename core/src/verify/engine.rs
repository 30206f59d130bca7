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
    /// From when on, on the boot clock in ms, last uses may be moved to make room for others.
    may_move_ms: AtomicU64,
}

/// An engine, closed with the last of those who use it.
pub(crate) type OpenEngine = Arc<ForkRegistered<Engine>>;

/// The most records an engine remembers.
pub(crate) struct CacheSizes {
    pub(crate) known: usize,
    pub(crate) unknown: usize,
}

/// What held when a verification began.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    now: Now,
    segment: &'a Segment,
}

/// How often last uses are moved to make room, in ms.
const MOVE_EVERY_MS: u64 = 1000;
/// The maximum number of times that one verification replaces the shared segment.
const MAX_SEGMENTS: usize = 3;

impl Engine {
    /// On these records, with counters beside their file, or in memory where they are.
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

    /// The records, for this room alone: operations write through `access::Context`, which checks their callers again.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What holds at this moment; nothing if that would need I/O and `io` forbids it.
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
    pub(crate) fn verify_waiting<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &CompiledEndpoint,
        variables: &[V],
        keys_of: KeysOf<'_>,
    ) -> Result<Verdict> {
        deadline::call(|| match self.view(Io::Allowed)? {
            Some(view) => reached(self.verify(key, endpoint, variables, keys_of, view, Io::Allowed)?),
            None => reached(None),
        })
    }

    /// Validates `key` as `view` has it, if its tenant is accepted, and takes one permit of its slot.
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

    /// Takes `cost` permits, 1 at least, of the slot of a key that is good.
    ///
    /// # Errors
    /// `bad_request` where its limit can never hold so many.
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
            retry_after_ms: acquired.retry_after_ms,
            window_ms: acquired.limit.duration_ms(),
            reset_after_ms: frees_in,
            role: selected.map(|selected| selected.role),
            key: known,
        };
        Ok(Some(if acquired.admitted { Verdict::Admitted(decision) } else { Verdict::RateLimited(decision) }))
    }

    /// Notes that a valid key is used, once in a minute. False where a file must be opened for that, or others moved
    /// first, and `io` forbids it.
    #[inline]
    pub(crate) fn touch(&self, key: &CachedKey, view: View<'_>, io: Io) -> bool {
        !key.used.is_news(view.now.wall_ms) || self.touch_now(key, view, io)
    }

    #[cold]
    fn touch_now(&self, key: &CachedKey, view: View<'_>, io: Io) -> bool {
        let Now { boot_ms, wall_ms } = view.now;
        let touch = || self.store.shared().touch(view.segment, key.id, wall_ms, io == Io::Allowed);
        let touched = match touch() {
            // Where moving them does not help, it is not tried again at once, and the use is lost.
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

    /// Moves last uses that wait into the database, if that can be done at once.
    pub(crate) fn move_last_uses(&self) {
        self.store.move_last_uses();
    }

    /// Adds to what was read of keys the last uses that wait.
    pub(crate) fn with_last_uses(&self, keys: &mut [KeyRecord]) {
        self.store.with_last_uses(keys);
    }

    /// Counts a valid key that was rejected because the operator did not name its tenant.
    pub(super) fn note_other_tenant(&self, tenant: TenantId, view: View<'_>) {
        self.other_tenants.note(tenant, view.now);
    }

    /// How many valid keys were rejected because the operator did not name their tenants.
    pub(crate) fn other_tenants_rejected(&self) -> u64 {
        self.other_tenants.rejected()
    }

    /// Whether the operator has to be warned of such keys.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.other_tenants.has_warning()
    }

    /// That warning, once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        self.other_tenants.take_warning()
    }

    /// How full the caches are.
    pub(crate) fn cache_stats(&self) -> CacheStats {
        self.cache.cache_stats()
    }

    /// Takes a permit of a slot that belongs to no key: what is counted is `name` and `variable`.
    pub(crate) fn take_unkeyed(&self, name: &str, variable: &str, limit: Limit) -> Result<Acquired> {
        let view = self.view(Io::Allowed)?;
        let request = Request { limit, shorter: &[], cost: 1, keep_ms: limit.duration_ms() };
        let key_id = KeyId::from_bits(0);
        let slot = |secret: &[u8; 16]| SlotName::new(secret, name, key_id, &[variable]);
        let acquired =
            view.map(|view| self.acquire(view, &request, Io::Allowed, slot)).transpose()?.flatten();
        acquired.ok_or_else(|| GatekeeperError::internal("nothing was counted, although waiting was allowed"))
    }

    /// Acquires a permit of the slot with this name; nothing if that would need I/O and `io` forbids it.
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
            // The segment was replaced after this view was opened: the verdict stays valid, and counting starts at
            // zero.
            segment = self.store.open_shared()?;
        }
        Err(GatekeeperError::unavailable(
            "what is beside the database was removed again and again: leave it there",
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
    /// When the verification began, in Unix ms.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.now.wall_ms
    }

    pub(super) fn version_counters(&self) -> &VersionCounters<Map> {
        &self.segment.version_counters
    }
}

/// The verdict of a call that was allowed to wait for one.
pub(super) fn reached(verdict: Option<Verdict>) -> Result<Verdict> {
    verdict.ok_or_else(|| GatekeeperError::internal("no verdict, although waiting was allowed"))
}

impl ForkSafe for Engine {
    fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        // In the order in which a call takes them, so that no two threads wait for each other.
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
