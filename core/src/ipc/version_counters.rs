//! Version counters: they tell every reader that a cached record may be stale.
//!
//! A writer of a record holds the write lock of the database, takes the next change number *n*, raises the counters
//! of the changed digests to *n*, and then commits; nothing follows the commit. A reader that caches a record
//! stores the change number of the snapshot from which it was read, its version. The cached record is valid if its
//! version is at least its counter, read after the verification began. A counter that is ahead of every snapshot
//! means that a writer is working, or has died.
//!
//! A database can also be restored, and then its change number goes back. Therefore the counters include the
//! highest number that was published, the highest that any process has seen committed, and the epoch: a random
//! number that is also stored in the database, and that changes with every new segment and at every restore. A
//! snapshot with a smaller number than was seen before it began, or with another epoch, is of a restored database.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::header;
use crate::secret::Digest;

/// The counter of all digests.
const ALL: usize = 0;
/// The highest number that was published or seen.
const HIGHEST: usize = 1;
/// The highest number that was seen in a snapshot.
const SEEN: usize = 2;
/// The epoch of the database.
const EPOCH: usize = 3;
/// The number of counters before those of the shards.
const COMMON: usize = 4;
/// The epoch that no database has.
const NO_EPOCH: u64 = u64::MAX;
/// The highest change number that a database can reach. A higher one is corrupt, written by mistake or by a broken
/// disk.
pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;
/// How far a counter can be ahead of the database. A writer publishes a few changes before it commits, and a
/// restored backup lacks the changes made after it.
const MAX_AHEAD: u64 = 1 << 40;
/// The number of shards of digests. A change makes cached records of its shard stale.
const SHARDS: usize = 4096;
/// The number of counters: the common ones, and two for each shard.
pub(super) const COUNTERS: usize = COMMON + 2 * SHARDS;

/// The counters of a new segment, as its file contains them: records older than change `number` are stale, and no
/// database has their epoch.
pub(super) fn new(number: u64) -> Vec<u8> {
    let mut version_counters = vec![0; COUNTERS];
    for (index, value) in [(ALL, number), (HIGHEST, number), (EPOCH, NO_EPOCH)] {
        if let Some(counter) = version_counters.get_mut(index) {
            *counter = value;
        }
    }
    version_counters.into_iter().flat_map(u64::to_ne_bytes).collect()
}

/// Whether a file contains all counters.
pub(super) fn are_whole(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.len() >= (header::LENGTH + COUNTERS * size_of::<u64>()) as u64)
}

/// A counter that several threads and processes share.
pub(crate) trait SharedCounter {
    fn get(&self) -> u64;
    /// Raises the counter to `number`, unless it is higher.
    fn raise(&self, number: u64);
    fn set(&self, number: u64);
}

impl SharedCounter for AtomicU64 {
    fn get(&self) -> u64 {
        self.load(SeqCst)
    }

    fn raise(&self, number: u64) {
        self.fetch_max(number, SeqCst);
    }

    fn set(&self, number: u64) {
        self.store(number, SeqCst);
    }
}

/// The lowest change number, and the epoch, that the next snapshot of the same database can have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    seen: u64,
    epoch: u64,
}

impl Expected {
    /// Whether a snapshot with this change number and epoch, begun later, can only be of a restored database.
    pub(crate) fn excludes(self, number: u64, epoch: u64) -> bool {
        number < self.seen || epoch != self.epoch
    }
}

/// The cached records that a change makes stale.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Invalidation {
    /// A new key: only readers that cached this digest as unknown are affected.
    Inserted(Digest),
    /// A changed or deleted key.
    Updated(Digest),
    /// Every record: too many keys have changed to list them.
    All,
}

/// The version counters, stored in `S`: memory of this process, or a file that every process maps.
pub(crate) struct VersionCounters<S>(pub(super) S);

impl<W: SharedCounter, S: Deref<Target = [W]>> VersionCounters<S> {
    /// The lowest valid version of a cached record of `digest`.
    pub(crate) fn of_known(&self, digest: &Digest) -> u64 {
        self.at(ALL).max(self.at(COMMON + 2 * self.shard(digest)))
    }

    /// The lowest valid version of a cached result that `digest` is unknown.
    pub(crate) fn of_unknown(&self, digest: &Digest) -> u64 {
        self.of_known(digest).max(self.at(COMMON + 2 * self.shard(digest) + 1))
    }

    /// Publishes change `number`. The caller must hold the write lock of the database, and commit afterwards.
    pub(crate) fn publish(&self, invalidations: &[Invalidation], number: u64) {
        self.raise(HIGHEST, number);
        for invalidation in invalidations {
            match invalidation {
                Invalidation::Inserted(digest) => self.raise(COMMON + 2 * self.shard(digest) + 1, number),
                Invalidation::Updated(digest) => self.raise(COMMON + 2 * self.shard(digest), number),
                Invalidation::All => self.raise(ALL, number),
            }
        }
    }

    /// Publishes change `number` for every record.
    pub(crate) fn publish_to_all(&self, number: u64) {
        self.raise(HIGHEST, number);
        self.raise(ALL, number);
    }

    /// Records that a snapshot has shown `number`.
    pub(crate) fn saw(&self, number: u64) {
        if self.at(SEEN) < number && number <= MAX_NUMBER {
            self.raise(SEEN, number);
            self.raise(HIGHEST, number);
        }
    }

    /// What a snapshot that begins from now on can show, unless the database is restored.
    pub(crate) fn expected(&self) -> Expected {
        Expected { seen: self.at(SEEN), epoch: self.at(EPOCH) }
    }

    /// The highest number that was published or seen.
    pub(crate) fn highest(&self) -> u64 {
        self.at(HIGHEST)
    }

    /// Sets the epoch of the database. The caller must hold its write lock.
    pub(crate) fn set_epoch(&self, epoch: u64) {
        if let Some(counter) = self.0.get(EPOCH) {
            counter.set(epoch);
        }
    }

    /// Whether a counter can have this value if the database has reached change `number`.
    pub(crate) fn is_plausible(counter: u64, number: u64) -> bool {
        counter <= number.saturating_add(MAX_AHEAD).min(MAX_NUMBER)
    }

    /// The highest number that was published or seen; none if a database that has reached change `number` cannot have
    /// it.
    pub(crate) fn highest_plausible(&self, number: u64) -> Option<u64> {
        Some(self.highest()).filter(|highest| Self::is_plausible(*highest, number))
    }

    /// Corrects the counters that are implausible if the database has reached change `number`: afterwards they make
    /// everything older stale. The caller must hold the write lock of the database. Returns whether there were any.
    pub(crate) fn correct(&self, number: u64) -> bool {
        let wrong =
            |(index, counter): &(usize, &W)| *index != EPOCH && !Self::is_plausible(counter.get(), number);
        let mut found = false;
        for (_, counter) in self.0.iter().enumerate().filter(wrong) {
            counter.set(number);
            found = true;
        }
        found
    }

    fn shard(&self, digest: &Digest) -> usize {
        let [.., low, high] = *digest.as_bytes();
        usize::from(u16::from_le_bytes([low, high])) % ((self.0.len() - COMMON) / 2)
    }

    fn at(&self, index: usize) -> u64 {
        // INVARIANT: every index is below the length. A missing counter would make everything stale.
        self.0.get(index).map_or(u64::MAX, SharedCounter::get)
    }

    fn raise(&self, index: usize, number: u64) {
        if let Some(counter) = self.0.get(index) {
            counter.raise(number);
        }
    }
}

#[cfg(test)]
mod model;
