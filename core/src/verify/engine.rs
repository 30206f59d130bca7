//! Everything that a verification needs of a place.

use std::sync::{Arc, Weak};

use super::cache::{KeyCache, Remembered};
use super::verdict::{Decision, Verdict};
use crate::clock::Clock;
use crate::counters::{EndpointNamer, MemoryCounters, SlotNamer};
use crate::error::{GatekeeperError, Result};
use crate::fork::{self, Guards, Rest};
use crate::id::TenantId;
use crate::key::{self, KnownKey};
use crate::limit::{Choices, Endpoint};
use crate::role::RoleSets;
use crate::secret::Digest;
use crate::store::{AsOf, KeyRow, Store};
use crate::window::Request;

/// One place: its records, its counters, its clock, and what it remembers.
pub(crate) struct Engine {
    store: Store,
    counters: MemoryCounters,
    namer: SlotNamer,
    clock: Clock,
    cache: KeyCache,
    role_sets: RoleSets,
}

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

/// An endpoint, ready to be verified against.
pub(crate) struct Target {
    endpoint: Endpoint,
    namer: EndpointNamer,
    /// None where the endpoint is good for one call only.
    choices: Option<Choices>,
    keep_ms: u64,
}

impl Engine {
    pub(crate) fn new(store: Store, clock: Clock, sizes: &CacheSizes) -> Result<Arc<Self>> {
        let engine = Arc::new(Self {
            store,
            counters: MemoryCounters::new(),
            namer: SlotNamer::new()?,
            clock,
            cache: KeyCache::new(sizes.known, sizes.unknown)?,
            role_sets: RoleSets::new(),
        });
        let weak: Weak<Self> = Arc::downgrade(&engine);
        fork::register(weak);
        Ok(engine)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// An endpoint to be verified against many times.
    pub(crate) fn target(&self, name: &str, endpoint: Endpoint) -> Target {
        Target { choices: Some(Choices::new()), ..self.target_of_one_call(name, endpoint) }
    }

    /// An endpoint to be verified against once.
    pub(crate) fn target_of_one_call(&self, name: &str, endpoint: Endpoint) -> Target {
        Target { namer: self.namer.endpoint(name), keep_ms: endpoint.longest_ms(), choices: None, endpoint }
    }

    /// The change number in force; nothing if that would need I/O and `io` forbids it.
    pub(crate) fn change_number(&self, io: Io) -> Result<Option<u64>> {
        match io {
            Io::Allowed => self.store.change_number().map(Some),
            Io::Forbidden => self.store.try_change_number(),
        }
    }

    /// Judges `key` as of now, waiting for the store where it has to be asked.
    pub(crate) fn verify_waiting<V: AsRef<str>>(
        &self,
        key: &str,
        target: &Target,
        variables: &[V],
        tenant: Option<TenantId>,
    ) -> Result<Verdict> {
        let number = self.store.change_number()?;
        reached(self.verify(key, target, variables, tenant, number, Io::Allowed)?)
    }

    /// Judges `key` as of change `number` for a caller bound to `tenant` or to none, and takes one permit of its slot.
    pub(crate) fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        target: &Target,
        variables: &[V],
        tenant: Option<TenantId>,
        number: u64,
        io: Io,
    ) -> Result<Option<Verdict>> {
        // A root or platform key is never a user's.
        if key::well_formed(key).is_none_or(key::is_reserved) {
            return Ok(Some(Verdict::InvalidKey));
        }
        let known = match self.find(&Digest::of(key.as_bytes()), number, io)? {
            None => return Ok(None),
            Some(Remembered::Unknown) => return Ok(Some(Verdict::InvalidKey)),
            Some(Remembered::Known(known)) => known,
        };
        let now = self.clock.now();
        if !known.is_good(now.wall_ms, tenant) {
            return Ok(Some(Verdict::InvalidKey));
        }

        let choice = match &target.choices {
            Some(choices) => choices.choose(&target.endpoint, &known.roles),
            None => target.endpoint.choose(&known.roles),
        };
        let limit = target.endpoint.limit(choice);
        let slot = target.namer.slot(known.id, variables);
        let taken =
            self.counters.take(slot, now.boot_ms, Request { limit, cost: 1, keep_ms: target.keep_ms });

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

    /// The record of `digest`, not older than change `number`; nothing if that would need I/O and `io` forbids it.
    fn find(&self, digest: &Digest, number: u64, io: Io) -> Result<Option<Remembered>> {
        if let Some(remembered) = self.cache.get(digest, number) {
            return Ok(Some(remembered));
        }
        if io == Io::Forbidden {
            return Ok(None);
        }
        let _flight = self.cache.flight(digest);
        // Whoever held the flight before may have brought the answer.
        if let Some(remembered) = self.cache.get(digest, number) {
            return Ok(Some(remembered));
        }
        let AsOf { number: as_of, found } = self.store.key_by_digest(digest.as_bytes())?;
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
            expires_at: row.expires_at.unwrap_or(i64::MAX),
        }
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
    }
}
