//! When keys were last used: remembered here, and written rarely and many at once.

use std::collections::HashMap;
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use foldhash::quality::RandomState;

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
    /// One record of each key, however often it was read again in the meantime.
    waiting: Mutex<HashMap<KeyId, Arc<KnownKey>, RandomState>>,
    /// From when on they are to be written, on the boot clock in ms.
    due_ms: AtomicU64,
}

impl Uses {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), due_ms: AtomicU64::new(u64::MAX) }
    }

    /// Notes that `key` is used; true where it is time to write.
    #[inline]
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
            let left_out = if waiting.len() < MOST_WAITING || waiting.contains_key(&key.id) {
                waiting.insert(key.id, Arc::clone(key)).filter(|other| !Arc::ptr_eq(other, key))
            } else {
                Some(Arc::clone(key))
            };
            // The next use of that record waits again.
            if let Some(other) = left_out {
                other.used.take();
            }
        }
        now.boot_ms >= self.due_ms.load(Relaxed)
    }

    /// Writes some of them, if that can be done at once.
    pub(super) fn write_in_passing(&self, store: &Store, now: Now) {
        let keys = {
            let mut waiting = lock(&self.waiting);
            let some: Vec<_> = waiting.keys().take(MOST_IN_PASSING).copied().collect();
            let keys: Vec<_> = some.iter().filter_map(|id| waiting.remove(id)).collect();
            self.due_ms.store(if waiting.is_empty() { u64::MAX } else { now.boot_ms }, Relaxed);
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
        take(&mut *waiting).into_values().collect()
    }

    fn put_back(&self, keys: Vec<Arc<KnownKey>>, now: Now) {
        let mut waiting = lock(&self.waiting);
        for key in keys {
            // One that was used again since waits already.
            if !waiting.contains_key(&key.id) && key.used.put_back() {
                waiting.insert(key.id, key);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::LastUse;
    use crate::role::RoleSet;
    use crate::secret::Digest;
    use crate::store::{Creator, DEFAULT_TENANT, NewKey, Quota};

    fn key(number: u128) -> Arc<KnownKey> {
        Arc::new(KnownKey {
            serial: 1,
            as_of: 1,
            id: KeyId::from_bits(number),
            tenant: DEFAULT_TENANT,
            owner: None,
            roles: Arc::new(RoleSet::new([])),
            extra: None,
            good_until: i64::MAX,
            used: LastUse::default(),
        })
    }

    fn add(store: &Store, key: &KnownKey) {
        let new = NewKey {
            id: key.id,
            tenant: DEFAULT_TENANT,
            digest: &Digest::of(&key.id.bits().to_be_bytes()),
            prefix: "user",
            roles: &[],
            owner_id: None,
            name: None,
            metadata: None,
            expires_at: None,
            created_at: 0,
            scopes: &[],
            quota: Quota::NONE,
            hashed_suffix: None,
            created_by: Creator { kind: "operator".into(), id: None },
        };
        assert!(store.write(|tx| tx.add_key(&new)).unwrap());
    }

    fn last_used(store: &Store, key: &KnownKey) -> Option<i64> {
        store.read_rows(|rows| rows.key(key.id)).unwrap().unwrap().last_used_at
    }

    fn at(ms: u64) -> Now {
        Now { boot_ms: ms, wall_ms: 1_000_000 + ms }
    }

    #[test]
    fn uses_are_written_once_in_a_minute_and_the_latest_stays() {
        let (store, uses, key) = (Store::in_memory().unwrap(), Uses::new(), key(1));
        add(&store, &key);
        assert!(!uses.note(&key, at(0)) && !uses.note(&key, at(59_999)));
        assert_eq!(last_used(&store, &key), None);
        assert!(uses.note(&key, at(61_000)));
        uses.write_in_passing(&store, at(61_000));
        assert_eq!(last_used(&store, &key), Some(1_061_000));
        assert!(!uses.note(&key, at(62_000)));
        store.write_uses(&[(key.id, 1_065_000)]).unwrap();
        uses.write(&store, at(63_000));
        assert_eq!(last_used(&store, &key), Some(1_065_000), "another process saw a later use");
    }

    #[test]
    fn what_cannot_be_written_now_is_written_later_and_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (store, uses, key) = (Store::on_file(folder.path().join("db")), Uses::new(), key(1));
        add(&store, &key);
        uses.note(&key, at(0));
        let mut other = rusqlite::Connection::open(folder.path().join("db")).unwrap();
        let at_work = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
        uses.write_in_passing(&store, at(60_000));
        assert!(!uses.note(&key, at(60_999)), "it is not tried again at once");
        at_work.rollback().unwrap();
        assert!(uses.note(&key, at(61_999)));
        uses.write_in_passing(&store, at(61_999));
        assert_eq!(last_used(&store, &key), Some(1_061_999));
        // What follows is as durable as before.
        let durable = store.with_writer_for_test(|connection| {
            connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap()
        });
        assert_eq!(durable, 2);
    }

    #[test]
    fn a_record_that_was_read_again_takes_the_place_of_the_one_before() {
        let (store, uses, key_before, key_after) = (Store::in_memory().unwrap(), Uses::new(), key(1), key(1));
        add(&store, &key_before);
        uses.note(&key_before, at(0));
        uses.note(&key_after, at(2000));
        assert_eq!(lock(&uses.waiting).len(), 1);
        // Both may be in use: two secrets of one key have a record each.
        uses.note(&key_before, at(4000));
        uses.write(&store, at(5000));
        assert_eq!(last_used(&store, &key_after), Some(1_004_000));
        assert!(lock(&uses.waiting).is_empty());
    }

    #[test]
    fn however_many_keys_are_used_only_so_many_wait() {
        let (store, uses) = (Store::in_memory().unwrap(), Uses::new());
        store.read_rows(|_| Ok(())).unwrap();
        for number in 0..2 * MOST_WAITING as u128 {
            uses.note(&key(number), at(0));
        }
        assert_eq!(lock(&uses.waiting).len(), MOST_WAITING);
        uses.write_in_passing(&store, at(0));
        assert_eq!(lock(&uses.waiting).len(), MOST_WAITING - MOST_IN_PASSING);
        assert!(uses.note(&key(0), at(1)), "the rest is due");
    }
}
