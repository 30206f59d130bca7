//! Counters: the slots that requests are counted in. Each slot has a name that no other slot can have.

mod memory;
#[cfg(test)]
pub(crate) mod replying;
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

/// The counters of a database.
#[allow(clippy::large_enum_variant, reason = "there is one for each database")]
pub(crate) enum Counters {
    /// For this process only.
    Memory(MemoryCounters),
    /// For every process of the machine.
    Shared(SharedCounters),
    /// Reached over a connection.
    #[cfg(test)]
    Replying(replying::ReplyingCounters),
}

/// Is called once, with the reply of counters that are reached over a connection.
pub(crate) type Reply = Box<dyn FnOnce(Result<Acquired>) + Send>;

impl Counters {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(MemoryCounters::new())
    }

    /// Counters in the files next to a database.
    pub(crate) fn beside_database(shared: Arc<Shared>) -> Self {
        Self::Shared(SharedCounters::new(shared, Clock::System))
    }

    /// Acquires a permit from the slot `name`, which belongs to `segment`, at `now`, or with shared counters at the
    /// time when the lock is held. Returns none, with nothing counted, if the segment has been replaced, or if a
    /// file must be opened first and `may_open` is false.
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
            #[cfg(test)]
            Self::Replying(counters) if may_open => counters.wait_for(name, now, request).map(Some),
            #[cfg(test)]
            Self::Replying(_) => Ok(None),
        }
    }

    /// Whether the reply comes later, on a thread of the counters: [`ask`](Self::ask) for it.
    pub(crate) fn reply_later(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Shared(_) => false,
            #[cfg(test)]
            Self::Replying(_) => true,
        }
    }

    /// Asks counters that [`reply_later`](Self::reply_later). Others do not call `reply`.
    #[cfg_attr(not(test), allow(clippy::unused_self, reason = "no counters of this build reply later"))]
    pub(crate) fn ask(&self, name: SlotName, now: Now, request: &Request<'_>, reply: Reply) {
        #[cfg(test)]
        if let Self::Replying(counters) = self {
            return counters.ask(name, now, request, reply);
        }
        drop((name, now, request, reply));
    }

    /// Closes open files, for good.
    pub(crate) fn close(&self) {
        if let Self::Shared(counters) = self {
            counters.close();
        }
    }

    /// Takes the locks that may be held during a wait, for a fork.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        if let Self::Shared(counters) = self {
            counters.quiesce_slow(guards);
        }
    }

    /// Takes the other locks, for a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        match self {
            Self::Memory(counters) => counters.quiesce(guards),
            Self::Shared(counters) => counters.quiesce(guards),
            #[cfg(test)]
            Self::Replying(_) => (),
        }
    }
}
