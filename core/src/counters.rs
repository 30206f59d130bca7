//! Counters: who has taken how much. A slot is counted under a name that no other slot can have.

mod memory;
mod slot;

pub(crate) use memory::MemoryCounters;
pub(crate) use slot::{EndpointNamer, SlotNamer};
