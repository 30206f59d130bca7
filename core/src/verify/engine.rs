//! Everything that a verification needs of a place.

use std::path::PathBuf;
use std::sync::Arc;

use super::cache::{KeyCache, Remembered};
use super::target::Target;
use super::verdict::{Decision, Verdict};
use crate::clock::{Clock, Now};
use crate::counters::{Counters, SlotName};
use crate::error::{GatekeeperError, Result};
use crate::fork::{Guards, Rest, Watched};
use crate::id::{KeyId, TenantId};
use crate::key::{self, Extra, KnownKey};
use crate::role::RoleSets;
use crate::secret::Digest;
use crate::shared::{Generation, Map, Words};
use crate::store::{AsOf, KeyRow, Store};
use crate::window::{Limit, Request, Taken};

/// One place: its records, its counters, its clock, and what it remembers.
pub(crate) struct Engine {
    store: Store,
    counters: Counters,
    clock: Clock,
    cache: KeyCache,
    role_sets: RoleSets,
}

/// An engine, closed with the last of those who use it.
pub(crate) type OpenEngine = Arc<Watched<Engine>>;

/// Whether a call may wait for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Io {
    Allowed,
    Forbidden,
}

/// The most records an engine remembers.
pub(crate) struct CacheSizes {
    pub(crate) known: usize,
    pub(crate) unknown: usize,
}

/// What held when a verification began.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    now: Now,
    generation: &'a Generation,
}

/// How often in one verification what stands beside the database may be made anew.
const MOST_GENERATIONS: usize = 3;

impl Engine {
    pub(crate) fn in_memory(clock: Clock, sizes: &CacheSizes) -> Result<OpenEngine> {
        Self::new(Store::in_memory()?, Counters::in_memory(), clock, sizes)
    }

    /// On the file at `path`, with counters beside it.
    pub(crate) fn on_file(path: PathBuf, sizes: &CacheSizes) -> Result<OpenEngine> {
        let store = Store::on_file(path);
        let counters = Counters::beside_database(Arc::clone(store.shared()));
        Self::new(store, counters, Clock::System, sizes)
    }

    fn new(store: Store, counters: Counters, clock: Clock, sizes: &CacheSizes) -> Result<OpenEngine> {
        Ok(Arc::new(Watched::new(Self {
            store,
            counters,
            clock,
            cache: KeyCache::new(sizes.known, sizes.unknown)?,
            role_sets: RoleSets::new(),
        })))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What holds at this moment; nothing if that would need I/O and `io` forbids it.
    pub(crate) fn view(&self, io: Io) -> Result<Option<View<'_>>> {
        let now = self.clock.now();
        let generation = match self.store.generation(now.boot_ms)? {
            None if io == Io::Allowed => self.store.open_shared()?,
            None => return Ok(None),
            Some(generation) => generation,
        };
        Ok(Some(View { now, generation }))
    }

    /// Judges `key` as of now, waiting for the store where it has to be asked.
    pub(crate) fn verify_waiting<V: AsRef<str>>(
        &self,
        key: &str,
        target: &Target,
        variables: &[V],
        tenant: Option<TenantId>,
    ) -> Result<Verdict> {
        match self.view(Io::Allowed)? {
            Some(view) => reached(self.verify(key, target, variables, tenant, view, Io::Allowed)?),
            None => reached(None),
        }
    }

    /// Judges `key` as `view` has it for a caller bound to `tenant` or to none, and takes one permit of its slot.
    pub(crate) fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        target: &Target,
        variables: &[V],
        tenant: Option<TenantId>,
        view: View<'_>,
        io: Io,
    ) -> Result<Option<Verdict>> {
        // A root or platform key is never a user's.
        if key::well_formed(key).is_none_or(key::is_reserved) {
            return Ok(Some(Verdict::InvalidKey));
        }
        let known = match self.find(&Digest::of(key.as_bytes()), view.words(), io)? {
            None => return Ok(None),
            Some(Remembered::Unknown) => return Ok(Some(Verdict::InvalidKey)),
            Some(Remembered::Known(known)) => known,
        };
        let now = view.now;
        if !known.is_good(now.wall_ms, tenant) {
            return Ok(Some(Verdict::InvalidKey));
        }

        let (choice, limit) = target.choose(&known.roles);
        let request = Request { limit, cost: 1, keep_ms: target.keep_ms() };
        let Some(taken) = self.take(view, request, io, |secret| target.slot(secret, known.id, variables))?
        else {
            return Ok(None);
        };

        let frees_in = taken.frees_at.saturating_sub(now.boot_ms);
        let decision = Decision {
            remaining: taken.remaining,
            total: limit.max_req(),
            reset: now.wall_ms.saturating_add(frees_in).div_ceil(1000),
            retry_after_ms: taken.retry_after_ms,
            role: choice.map(|choice| choice.role),
            key: known,
        };
        Ok(Some(if taken.admitted { Verdict::Admitted(decision) } else { Verdict::RateLimited(decision) }))
    }

    /// The key of this digest, if there is one and it is good now. Waits for the store where that has to be asked.
    pub(crate) fn live_key(&self, digest: &Digest) -> Result<Option<Arc<KnownKey>>> {
        let Some(view) = self.view(Io::Allowed)? else { return Ok(None) };
        Ok(match self.find(digest, view.words(), Io::Allowed)? {
            Some(Remembered::Known(key)) if key.is_good(view.now.wall_ms, None) => Some(key),
            _ => None,
        })
    }

    /// Takes a permit of a slot that belongs to no key: what is counted is `name` and `variable`.
    pub(crate) fn take_unkeyed(&self, name: &str, variable: &str, limit: Limit) -> Result<Taken> {
        let view = self.view(Io::Allowed)?;
        let request = Request { limit, cost: 1, keep_ms: limit.duration_ms() };
        let nobody = KeyId::from_bits(0);
        let slot = |secret: &[u8; 16]| SlotName::new(secret, name, nobody, &[variable]);
        let taken = view.map(|view| self.take(view, request, Io::Allowed, slot)).transpose()?.flatten();
        taken.ok_or_else(|| GatekeeperError::internal("nothing was counted, although waiting was allowed"))
    }

    /// Takes a permit of the slot with this name; nothing if that would need I/O and `io` forbids it.
    fn take(
        &self,
        view: View<'_>,
        request: Request,
        io: Io,
        name: impl Fn(&[u8; 16]) -> SlotName,
    ) -> Result<Option<Taken>> {
        let mut generation = view.generation;
        for _ in 0..MOST_GENERATIONS {
            let slot = name(&generation.slot_key);
            let taken = self.counters.take(generation, slot, view.now, request, io == Io::Allowed)?;
            if taken.is_some() || io == Io::Forbidden {
                return Ok(taken);
            }
            // It was made anew since the view was taken: what was judged by its words stands, the count starts anew.
            generation = self.store.open_shared()?;
        }
        Err(GatekeeperError::unavailable(
            "what is beside the database was removed again and again: leave it there",
        ))
    }

    /// The record of `digest`, as fresh as `words` say; nothing if that would need I/O and `io` forbids it.
    fn find(&self, digest: &Digest, words: &Words<Map>, io: Io) -> Result<Option<Remembered>> {
        if let Some(remembered) = self.cache.get(digest, words) {
            return Ok(Some(remembered));
        }
        if io == Io::Forbidden {
            return Ok(None);
        }
        let _flight = self.cache.flight(digest);
        // Whoever held the flight before may have brought the answer.
        if let Some(remembered) = self.cache.get(digest, words) {
            return Ok(Some(remembered));
        }
        let AsOf { number: as_of, found } = self.store.key_by_digest(digest, words)?;
        Ok(Some(match found {
            None => {
                self.cache.insert_unknown(digest, as_of);
                Remembered::Unknown
            }
            Some(row) => {
                let key = Arc::new(self.known_key(row, as_of));
                self.cache.insert_known(digest, Arc::clone(&key));
                Remembered::Known(key)
            }
        }))
    }

    fn known_key(&self, row: KeyRow, as_of: u64) -> KnownKey {
        KnownKey {
            serial: KnownKey::next_serial(),
            as_of,
            id: row.id,
            tenant: row.tenant,
            owner: row.owner_id.map(Into::into),
            roles: self.role_sets.share(row.roles),
            extra: (!row.scopes.is_empty() || row.metadata.is_some()).then(|| {
                Arc::new(Extra { scopes: row.scopes.into(), metadata: row.metadata.map(Into::into) })
            }),
            is_active: row.is_active,
            expires_at: row.expires_at.unwrap_or(i64::MAX),
        }
    }
}

impl View<'_> {
    pub(super) fn words(&self) -> &Words<Map> {
        &self.generation.words
    }
}

/// The verdict of a call that was allowed to wait for one.
pub(super) fn reached(verdict: Option<Verdict>) -> Result<Verdict> {
    verdict.ok_or_else(|| GatekeeperError::internal("no verdict, although waiting was allowed"))
}

impl Rest for Engine {
    fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        // In the order in which a verification takes them, so that nobody waits in a circle.
        self.cache.rest(guards);
        self.role_sets.rest(guards);
        self.store.rest(guards);
        self.counters.rest(guards);
        self.store.shared().rest(guards);
    }

    fn close(&self) {
        self.counters.close();
        self.store.close();
        self.store.shared().close();
    }
}
