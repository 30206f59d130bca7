//! When keys were last used: remembered here, and written rarely and many at once.

use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::clock::Now;
use crate::fork::{Guards, lock};
use crate::id::KeyId;
use crate::key::KnownKey;
use crate::store::Store;

/// How long a use waits to be written, in ms.
const WAIT_MS: u64 = 60_000;
/// How long until it is tried again, in ms.
const AGAIN_MS: u64 = 1000;
/// The most keys that wait; the uses of others are not noted.
const MOST_WAITING: usize = 65_536;
/// The most keys that are written in passing: a verification waits for it.
const MOST_IN_PASSING: usize = 500;

/// The keys that were used since that was last written.
pub(super) struct Uses {
    waiting: Mutex<Vec<Arc<KnownKey>>>,
    /// From when on they are to be written, on the boot clock in ms.
    due_ms: AtomicU64,
}

impl Uses {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), due_ms: AtomicU64::new(u64::MAX) }
    }

    /// Notes that `key` is used; true where it is time to write.
    pub(super) fn note(&self, key: &Arc<KnownKey>, now: Now) -> bool {
        key.used.is_news(now.wall_ms) && self.note_news(key, now)
    }

    #[cold]
    fn note_news(&self, key: &Arc<KnownKey>, now: Now) -> bool {
        if key.used.note(now.wall_ms) {
            let mut waiting = lock(&self.waiting);
            if waiting.is_empty() {
                self.due_ms.store(now.boot_ms.saturating_add(WAIT_MS), Relaxed);
            }
            if waiting.len() < MOST_WAITING {
                waiting.push(Arc::clone(key));
            } else {
                key.used.take();
            }
        }
        now.boot_ms >= self.due_ms.load(Relaxed)
    }

    /// Writes some of them, if that can be done at once.
    pub(super) fn write_in_passing(&self, store: &Store, now: Now) {
        let keys = {
            let mut waiting = lock(&self.waiting);
            let left = waiting.len().saturating_sub(MOST_IN_PASSING);
            let keys = waiting.split_off(left);
            self.due_ms.store(if left == 0 { u64::MAX } else { now.boot_ms }, Relaxed);
            keys
        };
        if !keys.is_empty() && !store.write_uses_in_passing(&times(&keys)) {
            self.put_back(keys, now);
        }
    }

    /// Writes all of them, waiting for a turn.
    pub(super) fn write(&self, store: &Store, now: Now) {
        let keys = self.take();
        if !keys.is_empty() && store.write_uses(&times(&keys)).is_err() {
            self.put_back(keys, now);
        }
    }

    /// Writes all of them for the last time, if that can be done at once.
    pub(super) fn close(&self, store: &Store) {
        let keys = self.take();
        if !keys.is_empty() {
            store.write_uses_in_passing(&times(&keys));
        }
    }

    fn take(&self) -> Vec<Arc<KnownKey>> {
        let mut waiting = lock(&self.waiting);
        self.due_ms.store(u64::MAX, Relaxed);
        take(&mut *waiting)
    }

    fn put_back(&self, keys: Vec<Arc<KnownKey>>, now: Now) {
        let mut waiting = lock(&self.waiting);
        waiting.extend(keys.into_iter().filter(|key| key.used.put_back()));
        self.due_ms.store(now.boot_ms.saturating_add(AGAIN_MS), Relaxed);
    }

    /// Holds the lock, for a fork. Both sides write what waits: the later time stays.
    pub(super) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        guards.push(Box::new(lock(&self.waiting)));
    }
}

fn times(keys: &[Arc<KnownKey>]) -> Vec<(KeyId, i64)> {
    keys.iter().map(|key| (key.id, i64::try_from(key.used.take()).unwrap_or(i64::MAX))).collect()
}
