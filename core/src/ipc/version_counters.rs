//! Version counters: they tell every reader that what it has cached may be stale.
//!
//! Whoever changes a record holds the write lock of the database, takes the next change number *n*, raises the words
//! of the digests concerned to *n*, and then commits; nothing follows the commit. Whoever remembers a record also
//! remembers the change number of the snapshot it was read from: it is good as long as that is at least its word, read
//! after the verification began. A word that is ahead of every snapshot says that a writer is at work, or died.
//!
//! A database can also be restored, and its change number then goes back. So the words keep the highest number that
//! was published, the highest that any process has seen committed, and the epoch: a random number that the database
//! holds too, and that is drawn again for every new file of words and at every restore. A snapshot that shows a
//! smaller number than was seen before it began, or another epoch, is one of a restored database.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::header;
use crate::secret::Digest;

/// The word for all digests.
const ALL: usize = 0;
/// The highest number that was published or seen.
const HIGHEST: usize = 1;
/// The highest number that was seen in a snapshot.
const SEEN: usize = 2;
/// The epoch of the database.
const EPOCH: usize = 3;
/// How many words precede those of the shards.
const COMMON: usize = 4;
/// The epoch of no database.
const NO_EPOCH: u64 = u64::MAX;
/// The highest change number that a database can come to. A higher one was written by mistake or by a broken disk: it is
/// of no change.
pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;
/// By how many changes a word can be ahead of the database. A writer announces a few before it commits, and a backup that
/// is restored lacks those that came after it.
const MAX_AHEAD: u64 = 1 << 40;
/// Into how many shards the digests fall: a change touches what is remembered of one in so many.
const SHARDS: usize = 4096;
/// How many words there are: the common ones, and two for each shard.
pub(super) const WORDS: usize = COMMON + 2 * SHARDS;

/// The words of a new generation, as its file holds them: nothing older than change `number` is valid, and no database
/// has their epoch.
pub(super) fn new(number: u64) -> Vec<u8> {
    let mut version_counters = vec![0; WORDS];
    for (index, value) in [(ALL, number), (HIGHEST, number), (EPOCH, NO_EPOCH)] {
        if let Some(word) = version_counters.get_mut(index) {
            *word = value;
        }
    }
    version_counters.into_iter().flat_map(u64::to_ne_bytes).collect()
}

/// Whether a words' file holds all of them.
pub(super) fn are_whole(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.len() >= (header::LENGTH + WORDS * size_of::<u64>()) as u64)
}

/// A number that several threads and processes share.
pub(crate) trait Word {
    fn get(&self) -> u64;
    /// Makes it `number` unless it is more already.
    fn raise(&self, number: u64);
    fn set(&self, number: u64);
}

impl Word for AtomicU64 {
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

/// What the next snapshot of the same database shows at least.
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

/// What a change does to the record of a digest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Invalidation {
    /// What was nobody's is now a key: only those who remember that it was nobody's have to hear of it.
    Appeared(Digest),
    /// A key has changed, or is gone.
    Changed(Digest),
    /// So many keys have changed that everything has to be read again.
    All,
}

/// The words; `S` holds them: memory of this process, or a file that all of them map.
pub(crate) struct VersionCounters<S>(pub(super) S);

impl<W: Word, S: Deref<Target = [W]>> VersionCounters<S> {
    /// What a remembered record of `digest` must at least be as of.
    pub(crate) fn of_known(&self, digest: &Digest) -> u64 {
        self.at(ALL).max(self.at(COMMON + 2 * self.shard(digest)))
    }

    /// What the memory that `digest` is nobody's must at least be as of.
    pub(crate) fn of_unknown(&self, digest: &Digest) -> u64 {
        self.of_known(digest).max(self.at(COMMON + 2 * self.shard(digest) + 1))
    }

    /// Announces change `number`. The write lock of the database is held, and the change is not yet committed.
    pub(crate) fn publish(&self, concerns: &[Invalidation], number: u64) {
        self.raise(HIGHEST, number);
        for concern in concerns {
            match concern {
                Invalidation::Appeared(digest) => self.raise(COMMON + 2 * self.shard(digest) + 1, number),
                Invalidation::Changed(digest) => self.raise(COMMON + 2 * self.shard(digest), number),
                Invalidation::All => self.raise(ALL, number),
            }
        }
    }

    /// Announces change `number`, of which it is not known what it concerns.
    pub(crate) fn publish_to_all(&self, number: u64) {
        self.raise(HIGHEST, number);
        self.raise(ALL, number);
    }

    /// Notes that a snapshot has shown `number`.
    pub(crate) fn saw(&self, number: u64) {
        if self.at(SEEN) < number && number <= MAX_NUMBER {
            self.raise(SEEN, number);
            self.raise(HIGHEST, number);
        }
    }

    /// What a snapshot that begins from now on shows, unless the database is restored.
    pub(crate) fn expected(&self) -> Expected {
        Expected { seen: self.at(SEEN), epoch: self.at(EPOCH) }
    }

    /// The highest number that was published or seen.
    pub(crate) fn highest(&self) -> u64 {
        self.at(HIGHEST)
    }

    /// Says that `epoch` is the database's. Its write lock is held.
    pub(crate) fn set_epoch(&self, epoch: u64) {
        if let Some(word) = self.0.get(EPOCH) {
            word.set(epoch);
        }
    }

    /// Whether `word` can have been announced where the database has come to change `number`.
    pub(crate) fn is_plausible(word: u64, number: u64) -> bool {
        word <= number.saturating_add(MAX_AHEAD).min(MAX_NUMBER)
    }

    /// The highest number, of those that can have been announced where the database has come to change `number`.
    pub(crate) fn highest_plausible(&self, number: u64) -> Option<u64> {
        Some(self.highest()).filter(|highest| Self::is_plausible(*highest, number))
    }

    /// Corrects the words that cannot have been announced where the database has come to change `number`: from then on
    /// nothing older than that is valid by them. The write lock of the database is held. Whether there were any.
    pub(crate) fn correct(&self, number: u64) -> bool {
        let wrong = |(index, word): &(usize, &W)| *index != EPOCH && !Self::is_plausible(word.get(), number);
        let mut found = false;
        for (_, word) in self.0.iter().enumerate().filter(wrong) {
            word.set(number);
            found = true;
        }
        found
    }

    fn shard(&self, digest: &Digest) -> usize {
        let [.., low, high] = *digest.as_bytes();
        usize::from(u16::from_le_bytes([low, high])) % ((self.0.len() - COMMON) / 2)
    }

    fn at(&self, index: usize) -> u64 {
        // INVARIANT: every place is below the length; a word that is not there would be ahead of everything.
        self.0.get(index).map_or(u64::MAX, Word::get)
    }

    fn raise(&self, index: usize, number: u64) {
        if let Some(word) = self.0.get(index) {
            word.raise(number);
        }
    }
}

#[cfg(test)]
mod model;
