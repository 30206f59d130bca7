//! The cache of key records, by digest. Known keys and unknown digests have separate bounds, so that guessed keys cannot
//! evict real ones. A known key is weighted by its size: an unusually large record counts as several.

use std::sync::{Arc, Mutex, MutexGuard};

use quick_cache::unsync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, UnitWeighter, Weighter};

use super::flights::{Flight, Flights};
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, lock};
use crate::ipc::{Map, VersionCounters};
use crate::key::CachedKey;
use crate::secret::{CacheKey, Digest};

/// The size up to which a key has a weight of 1, in bytes.
const UNIT_BYTES: u64 = 1024;

/// The numbers of entries in the caches of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Keys that are cached.
    pub keys: usize,
    /// Digests that are cached as unknown.
    pub unknown_keys: usize,
}

pub(crate) struct KeyCache {
    known: Sharded<Arc<CachedKey>, BySize>,
    /// Unknown digests, each with the version of the snapshot in which it was unknown.
    unknown: Sharded<u64, UnitWeighter>,
    flights: Flights,
}

/// The cached record of a digest, or that the digest is unknown.
pub(crate) enum CacheEntry {
    Known(Arc<CachedKey>),
    Unknown,
}

impl KeyCache {
    pub(crate) fn new(known: usize, unknown: usize) -> Result<Self> {
        Ok(Self {
            known: Sharded::new(known, &BySize)?,
            unknown: Sharded::new(unknown, &UnitWeighter)?,
            flights: Flights::default(),
        })
    }

    /// The entry of a digest, if it is fresh by `version_counters`.
    pub(crate) fn get(&self, digest: &Digest, version_counters: &VersionCounters<Map>) -> Option<CacheEntry> {
        let of_known = version_counters.of_known(digest);
        let fresh =
            |key: &Arc<CachedKey>| (key.version >= of_known).then(|| CacheEntry::Known(Arc::clone(key)));
        self.known.get(digest, fresh).flatten().or_else(|| {
            let still_unknown =
                self.unknown.get(digest, |version| *version >= version_counters.of_unknown(digest));
            still_unknown.unwrap_or(false).then_some(CacheEntry::Unknown)
        })
    }

    pub(crate) fn insert_known(&self, digest: &Digest, key: Arc<CachedKey>) {
        self.known.insert(digest, key);
    }

    /// Caches that the digest was unknown in the snapshot with this `version`.
    pub(crate) fn insert_unknown(&self, digest: &Digest, version: u64) {
        self.known.remove(digest);
        self.unknown.insert(digest, version);
    }

    /// Begins a look-up of `digest` in the store. It ends when the result is dropped.
    pub(crate) fn flight(&self, digest: &Digest) -> Flight<'_> {
        self.flights.begin(digest)
    }

    /// The numbers of entries.
    pub(crate) fn cache_stats(&self) -> CacheStats {
        CacheStats { keys: self.known.len(), unknown_keys: self.unknown.len() }
    }

    /// Holds every lock during a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.flights.quiesce(guards);
        self.known.quiesce(guards);
        self.unknown.quiesce(guards);
    }
}

/// Gives a key a weight of 1 per KiB of its size.
#[derive(Clone)]
struct BySize;

impl Weighter<CacheKey, Arc<CachedKey>> for BySize {
    fn weight(&self, _: &CacheKey, key: &Arc<CachedKey>) -> u64 {
        (key.size() as u64).div_ceil(UNIT_BYTES).max(1)
    }
}

/// A bounded cache in a number of shards that depends on its size.
struct Sharded<V, W>(Box<[Padded<V, W>]>);

/// A shard in its own cache line, so that shards do not share one (false sharing).
#[repr(align(64))]
struct Padded<V, W>(Mutex<Shard<V, W>>);

type Shard<V, W> = Cache<CacheKey, V, W, foldhash::quality::RandomState>;

impl<V, W: Weighter<CacheKey, V> + Clone> Sharded<V, W> {
    const MAX_SHARDS: usize = 64;
    const MIN_PER_SHARD: usize = 1024;

    fn new(capacity: usize, weighter: &W) -> Result<Self> {
        let shards = (capacity / Self::MIN_PER_SHARD).clamp(1, Self::MAX_SHARDS);
        // Digests do not fill shards evenly. Four standard deviations of extra capacity let the cache reach `capacity`.
        let even = capacity.div_ceil(shards);
        let per_shard = even + 4 * even.isqrt();
        let options = OptionsBuilder::new()
            .estimated_items_capacity(per_shard)
            .weight_capacity(per_shard as u64)
            .build()
            .map_err(|error| GatekeeperError::internal(error.to_string()))?;
        let shard = || {
            let hasher = foldhash::quality::RandomState::default();
            Padded(Mutex::new(Cache::with_options(
                options.clone(),
                weighter.clone(),
                hasher,
                DefaultLifecycle::default(),
            )))
        };
        Ok(Self((0..shards).map(|_| shard()).collect()))
    }

    fn get<T>(&self, digest: &Digest, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.shard(digest).get(&digest.cache_key()).map(read)
    }

    fn insert(&self, digest: &Digest, value: V) {
        self.shard(digest).insert(digest.cache_key(), value);
    }

    fn len(&self) -> usize {
        self.0.iter().map(|Padded(shard)| lock(shard).len()).sum()
    }

    fn remove(&self, digest: &Digest) {
        self.shard(digest).remove(&digest.cache_key());
    }

    #[allow(clippy::indexing_slicing, reason = "the remainder is below the number of shards, which is not 0")]
    fn shard(&self, digest: &Digest) -> MutexGuard<'_, Shard<V, W>> {
        let [.., low, high] = *digest.as_bytes();
        lock(&self.0[usize::from(u16::from_le_bytes([low, high])) % self.0.len()].0)
    }

    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        for Padded(shard) in &self.0 {
            guards.push(Box::new(lock(shard)));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::id::{KeyId, TenantId};
    use crate::key::{Extra, LastUse};
    use crate::role::RoleSet;

    /// A key with `metadata` bytes of metadata.
    pub(in crate::verify) fn key(number: u128, metadata: usize) -> Arc<CachedKey> {
        let extra = Extra {
            name: None,
            scopes: Arc::default(),
            metadata: Some("x".repeat(metadata).into()),
            hashed_suffix: None,
        };
        Arc::new(CachedKey {
            serial: CachedKey::next_serial(),
            version: 1,
            id: KeyId::from_bits(number),
            tenant: TenantId::from_bits(0),
            owner: None,
            roles: Arc::new(RoleSet::new([])),
            extra: Some(Arc::new(extra)),
            valid_until: i64::MAX,
            used: LastUse::default(),
        })
    }

    #[test]
    fn large_keys_count_as_several_so_that_the_bytes_are_bounded() {
        let cached = |metadata: usize| {
            let cache = KeyCache::new(10_000, 10).unwrap();
            for number in 0..12_000_u128 {
                cache.insert_known(&Digest::of(&number.to_le_bytes()), key(number, metadata));
            }
            cache.cache_stats().keys
        };
        let (small, large) = (cached(100), cached(8 * 1024));
        assert!((10_000..=12_000).contains(&small), "{small}");
        // Each has 8 KiB of metadata and the other fields of a key: a weight of 9.
        assert!((1_000..=14_000 / 9).contains(&large), "{large}");
    }
}
