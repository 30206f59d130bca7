//! Counters of this process: slots in sharded tables, swept as they empty.

use std::sync::Mutex;

use hashbrown::HashTable;

use super::slot::SlotName;
use crate::fork::{Guards, lock};
use crate::window::{Request, Taken, Window};

const SHARDS: usize = 256;
/// Every so many takes of a shard, one shard is looked over for slots with nothing in their window.
const TAKES_PER_SWEEP: u32 = 4096;

/// Windows by slot, exact under any number of threads.
pub(crate) struct MemoryCounters {
    shards: Box<[Padded]>,
}

/// One cache line a shard, so that neighbours do not slow each other down.
#[repr(align(64))]
struct Padded(Mutex<Shard>);

#[derive(Default)]
struct Shard {
    slots: HashTable<Slot>,
    /// No new slot starts before this time: it is later than anything a swept slot admitted at.
    floor: u64,
    /// Nothing in the shard ends before this time.
    nothing_ends_before: u64,
    takes: u32,
    /// Which shard is looked over next.
    sweep_next: usize,
}

struct Slot {
    name: SlotName,
    /// When the last entry leaves the longest window it was ever taken for.
    ends_at: u64,
    window: Window,
}

impl MemoryCounters {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Padded(Mutex::default())).collect() }
    }

    /// Takes from the window of `name` at `now`, a reading of the boot clock in ms.
    pub(crate) fn take(&self, name: SlotName, now: u64, request: Request) -> Taken {
        let index = (name.0 >> 64) as usize % SHARDS;
        #[allow(clippy::indexing_slicing, reason = "the index is below SHARDS")]
        let Padded(shard) = &self.shards[index];
        let mut shard = lock(shard);
        let taken = shard.take(name, now, request);
        let due = shard.sweep_due(index);
        drop(shard);
        if let Some(Padded(other)) = due.and_then(|due| self.shards.get(due))
            && let Ok(mut other) = other.try_lock()
        {
            other.sweep(now);
        }
        taken
    }

    /// Holds every shard, for a fork.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        for Padded(shard) in &self.shards {
            guards.push(Box::new(lock(shard)));
        }
    }

    /// How many slots there are.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> usize {
        self.shards.iter().map(|Padded(shard)| lock(shard).slots.len()).sum()
    }
}

impl Shard {
    fn take(&mut self, name: SlotName, now: u64, request: Request) -> Taken {
        if self.slots.len() == self.slots.capacity() {
            self.sweep(now);
        }
        let floor = self.floor;
        let slot = self
            .slots
            .entry(hash(name), |slot| slot.name == name, |slot| hash(slot.name))
            .or_insert_with(|| Slot { name, ends_at: 0, window: Window::starting_at(floor) })
            .into_mut();
        let taken = slot.window.take(now, request);
        if taken.admitted {
            slot.ends_at = slot.ends_at.max(slot.window.ends_at(request.keep_ms));
            self.nothing_ends_before = self.nothing_ends_before.min(slot.ends_at);
        }
        taken
    }

    /// Once in a while, the shard to look over: every busy shard goes round all of them.
    fn sweep_due(&mut self, own: usize) -> Option<usize> {
        self.takes = self.takes.wrapping_add(1);
        if !self.takes.is_multiple_of(TAKES_PER_SWEEP) {
            return None;
        }
        self.sweep_next = (self.sweep_next + 1) % SHARDS;
        Some((own + self.sweep_next) % SHARDS)
    }

    /// Drops every slot with nothing in its window at `now`.
    fn sweep(&mut self, now: u64) {
        if now < self.nothing_ends_before {
            return;
        }
        let before = self.slots.len();
        let mut earliest = u64::MAX;
        self.slots.retain(|slot| {
            let alive = slot.ends_at > now;
            if alive {
                earliest = earliest.min(slot.ends_at);
            }
            alive
        });
        self.nothing_ends_before = earliest;
        if self.slots.len() < before {
            self.floor = self.floor.max(now);
        }
        if self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2, |slot| hash(slot.name));
        }
    }
}

/// A slot's name is already evenly spread; the upper half has chosen the shard.
#[allow(clippy::cast_possible_truncation, reason = "half of it is meant")]
fn hash(name: SlotName) -> u64 {
    name.0 as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Limit;

    fn one_per_second() -> Request {
        Request { limit: Limit::new(1, 1000).unwrap(), cost: 1, keep_ms: 1000 }
    }

    #[test]
    fn a_slot_with_nothing_in_its_window_is_swept() {
        let counters = MemoryCounters::new();
        for name in 0..100_000_u128 {
            assert!(
                counters
                    .take(SlotName(name.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c)), 0, one_per_second())
                    .admitted
            );
        }
        assert_eq!(counters.slots(), 100_000);
        // One busy slot looks after all the others.
        for turn in 0..u64::from(TAKES_PER_SWEEP) * SHARDS as u64 {
            counters.take(SlotName(7), 1000 + turn / 1000, one_per_second());
        }
        assert_eq!(counters.slots(), 1);
    }

    #[test]
    fn a_late_thread_cannot_count_from_before_a_sweep() {
        let counters = MemoryCounters::new();
        counters.take(SlotName(1), 0, one_per_second());
        for Padded(shard) in &counters.shards {
            lock(shard).sweep(5000);
        }
        // It read the clock before the sweep; what it takes counts from the sweep on.
        assert!(counters.take(SlotName(1), 10, one_per_second()).admitted);
        assert!(!counters.take(SlotName(1), 5999, one_per_second()).admitted);
        assert!(counters.take(SlotName(1), 6000, one_per_second()).admitted);
    }

    #[test]
    fn a_slot_of_one_entry_takes_sixty_four_bytes() {
        assert_eq!(size_of::<Slot>(), 64);
    }
}
