//! Counters: who has taken how much. A slot is counted under a name that no other slot can have.

mod memory;
mod shared;
mod slot;

use std::sync::Arc;

use crate::clock::{Clock, Now};
use crate::error::Result;
use crate::fork::ForkGuards;
use crate::ipc::{Segment, Shared};
use crate::window::{Acquired, Request};
pub(crate) use memory::MemoryCounters;
use shared::SharedCounters;
pub(crate) use slot::SlotName;

/// Where a place counts.
#[allow(clippy::large_enum_variant, reason = "there is one for each database")]
pub(crate) enum Counters {
    /// In this process alone.
    Memory(MemoryCounters),
    /// For every process of the machine.
    Shared(SharedCounters),
}

impl Counters {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(MemoryCounters::new())
    }

    /// What is counted in the file of each generation of `shared`.
    pub(crate) fn beside_database(shared: Arc<Shared>) -> Self {
        Self::Shared(SharedCounters::new(shared, Clock::System))
    }

    /// Acquires a permit of the slot `name`, which belongs to `segment`, at `now` or, where other processes count too,
    /// when the lock is held. None where the generation has been replaced, or a file must be opened first and `may_open`
    /// is not given: then nothing was taken.
    #[inline]
    pub(crate) fn acquire(
        &self,
        segment: &Segment,
        name: SlotName,
        now: Now,
        request: &Request<'_>,
        may_open: bool,
    ) -> Result<Option<Acquired>> {
        match self {
            Self::Memory(counters) => Ok(Some(counters.acquire(name, now.boot_ms, request))),
            Self::Shared(counters) => counters.acquire(segment, name, request, may_open),
        }
    }

    /// Closes what is open, for good.
    pub(crate) fn close(&self) {
        if let Self::Shared(counters) = self {
            counters.close();
        }
    }

    /// Holds over a fork what may be held while something is waited for.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        if let Self::Shared(counters) = self {
            counters.quiesce_slow(guards);
        }
    }

    /// Holds what else must be at rest over a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        match self {
            Self::Memory(counters) => counters.quiesce(guards),
            Self::Shared(counters) => counters.quiesce(guards),
        }
    }
}
