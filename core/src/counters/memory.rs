//! Counters of one process: slots in sharded tables, which are swept as slots become empty.

use std::sync::Mutex;

use hashbrown::HashTable;

use super::slot::SlotName;
use crate::fork::{ForkGuards, lock, try_lock};
use crate::window::{Acquired, Request, Window};

const SHARDS: usize = 192;
/// After this many requests to a shard, one shard is swept.
const REQUESTS_PER_SWEEP: u32 = 4096;

/// Windows by slot, exact with any number of threads.
pub(crate) struct MemoryCounters {
    shards: Box<[Padded]>,
}

/// One cache line per shard, to avoid false sharing.
#[repr(align(64))]
struct Padded(Mutex<Shard>);

#[derive(Default)]
struct Shard {
    slots: HashTable<Slot>,
    /// No new slot starts before this time, which is later than any admission of a swept slot.
    floor: u64,
    /// No slot of the shard becomes empty before this time.
    nothing_ends_before: u64,
    requests: u32,
    /// The shard that is swept next.
    sweep_next: usize,
}

struct Slot {
    name: SlotName,
    window: Window,
}

impl MemoryCounters {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Padded(Mutex::default())).collect() }
    }

    /// Acquires a permit from the slot `name` at `now`, boot clock time in ms.
    pub(crate) fn acquire(&self, name: SlotName, now: u64, request: &Request<'_>) -> Acquired {
        let index = usize::try_from(name.high() % SHARDS as u64).unwrap_or(0);
        #[allow(clippy::indexing_slicing, reason = "the index is below SHARDS")]
        let Padded(shard) = &self.shards[index];
        let mut shard = lock(shard);
        let acquired = shard.acquire(name, now, request);
        let due = shard.sweep_due(index);
        drop(shard);
        if let Some(Padded(other)) = due.and_then(|due| self.shards.get(due))
            && let Some(mut other) = try_lock(other)
        {
            other.sweep(now);
        }
        acquired
    }

    /// Locks every shard, for a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        for Padded(shard) in &self.shards {
            guards.push(Box::new(lock(shard)));
        }
    }

    /// The number of slots.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> usize {
        self.shards.iter().map(|Padded(shard)| lock(shard).slots.len()).sum()
    }
}

impl Shard {
    fn acquire(&mut self, name: SlotName, now: u64, request: &Request<'_>) -> Acquired {
        if self.slots.len() == self.slots.capacity() {
            self.sweep(now);
        }
        let floor = self.floor;
        let slot = self
            .slots
            .entry(hash(name), |slot| slot.name == name, |slot| hash(slot.name))
            .or_insert_with(|| Slot { name, window: Window::starting_at(floor) })
            .into_mut();
        let acquired = slot.window.acquire(now, request);
        if acquired.admitted {
            self.nothing_ends_before = self.nothing_ends_before.min(slot.window.ends_at());
        }
        acquired
    }

    /// The shard to sweep, once in every [`REQUESTS_PER_SWEEP`] requests. Each busy shard cycles through all
    /// shards.
    fn sweep_due(&mut self, own: usize) -> Option<usize> {
        self.requests = self.requests.wrapping_add(1);
        if !self.requests.is_multiple_of(REQUESTS_PER_SWEEP) {
            return None;
        }
        self.sweep_next = (self.sweep_next + 1) % SHARDS;
        Some((own + self.sweep_next) % SHARDS)
    }

    /// Drops every slot that is empty at `now`.
    fn sweep(&mut self, now: u64) {
        if now < self.nothing_ends_before {
            return;
        }
        let (mut earliest, mut floor) = (u64::MAX, self.floor);
        self.slots.retain(|slot| {
            let ends_at = slot.window.ends_at();
            if ends_at > now {
                earliest = earliest.min(ends_at);
            } else {
                floor = floor.max(now).max(slot.window.newest());
            }
            ends_at > now
        });
        (self.nothing_ends_before, self.floor) = (earliest, floor);
        if self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2, |slot| hash(slot.name));
        }
    }
}

/// The hash of a slot's name for the table. Names are already uniformly distributed; the upper half has selected
/// the shard.
fn hash(name: SlotName) -> u64 {
    name.low()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::window::Limit;

    fn one_per_second() -> Request<'static> {
        Request { limit: Limit::new(1, 1000).unwrap(), shorter: &[], cost: 1, keep_ms: 1000 }
    }

    #[test]
    fn a_slot_with_nothing_in_its_window_is_swept() {
        let counters = MemoryCounters::new();
        for name in 0..100_000_u128 {
            assert!(
                counters
                    .acquire(
                        SlotName::from(name.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
                        0,
                        &one_per_second()
                    )
                    .admitted
            );
        }
        assert_eq!(counters.slots(), 100_000);
        // One busy slot causes sweeps of all others.
        for turn in 0..u64::from(REQUESTS_PER_SWEEP) * SHARDS as u64 {
            counters.acquire(SlotName::from(7), 1000 + turn / 1000, &one_per_second());
        }
        assert_eq!(counters.slots(), 1);
    }

    #[test]
    fn a_late_thread_cannot_count_from_before_a_sweep() {
        let counters = MemoryCounters::new();
        counters.acquire(SlotName::from(1), 0, &one_per_second());
        for Padded(shard) in &counters.shards {
            lock(shard).sweep(5000);
        }
        // It read the clock before the sweep: its request counts from the time of the sweep.
        assert!(counters.acquire(SlotName::from(1), 10, &one_per_second()).admitted);
        assert!(!counters.acquire(SlotName::from(1), 5999, &one_per_second()).admitted);
        assert!(counters.acquire(SlotName::from(1), 6000, &one_per_second()).admitted);
    }

    proptest! {
        #[test]
        fn l6_traffic_on_one_slot_changes_no_decision_on_another(
            calls in prop::collection::vec((0..20_u128, 0..=30_u64, 1..=3_u32), 1..500),
            limits in prop::collection::vec((1..=300_u32, 1..=200_u64), 20),
        ) {
            let counters = MemoryCounters::new();
            let mut alone: Vec<_> = limits.iter().map(|_| Window::default()).collect();
            let mut now = 1_000_000;
            for (slot, step, cost) in calls {
                now += step;
                let index = usize::try_from(slot).unwrap();
                let (max_req, duration) = limits[index];
                let limit = Limit::new(max_req.max(cost), duration).unwrap();
                let request = Request { limit, shorter: &[], cost, keep_ms: duration };
                // All in one shard, which is swept again and again.
                let acquired = counters.acquire(SlotName::from(slot), now, &request);
                lock(&counters.shards[0].0).sweep(now);
                prop_assert_eq!(acquired, alone[index].acquire(now, &request));
            }
        }
    }

    #[test]
    fn l1_threads_together_never_take_more_than_the_limit() {
        let counters = MemoryCounters::new();
        let limit = Limit::new(1000, 60_000).unwrap();
        let admitted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let acquire = |now| {
                            counters.acquire(
                                SlotName::from(3),
                                now,
                                &Request { limit, shorter: &[], cost: 1, keep_ms: 60_000 },
                            )
                        };
                        (0..2000).filter(|now| acquire(*now).admitted).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 1000);
    }

    #[test]
    fn a_slot_of_one_entry_takes_seventy_two_bytes() {
        assert_eq!(size_of::<Slot>(), 72);
    }
}
