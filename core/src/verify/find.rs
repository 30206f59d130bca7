//! Finds the record of a key.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::cache::CacheEntry;
use super::engine::{Engine, View};
use super::tenants::KeysOf;
use crate::error::Result;
use crate::ipc::{Map, VersionCounters};
use crate::key::{self, CachedKey};
use crate::secret::Digest;
use crate::store::{KeyRow, Versioned};

/// The maximum length of a key of another product, in bytes: the longest that fits in a header. Only digests are
/// imported, so the length is checked here and not at import.
pub(crate) const MAX_FOREIGN: usize = 4096;

/// A key as its holder presents it.
#[derive(Clone, Copy)]
pub(crate) enum Presented<'a> {
    Key(&'a str),
    /// The digest of a key that has our format.
    Digest(&'a Digest),
}

/// What the cache holds of a key.
pub(super) enum Found {
    Entry(CacheEntry),
    /// The store must be asked. The key has this digest, if it has our format.
    Missing(Option<Digest>),
}

impl Engine {
    /// `found`, if it is valid at `view` and its tenant is accepted; otherwise unknown.
    #[inline]
    pub(super) fn accepted(&self, found: CacheEntry, keys_of: KeysOf<'_>, view: View<'_>) -> CacheEntry {
        let CacheEntry::Known(known) = found else { return found };
        if !known.is_valid(view.wall_ms()) {
            return CacheEntry::Unknown;
        }
        if keys_of.include(known.tenant) {
            return CacheEntry::Known(known);
        }
        if let KeysOf::Operators(_) = keys_of {
            self.note_other_tenant(known.tenant, view);
        }
        CacheEntry::Unknown
    }

    /// What the cache holds of a key in our format, or, if digests were imported, in any format.
    #[inline]
    pub(super) fn cached(&self, presented: Presented<'_>, view: View<'_>) -> Found {
        let key = match presented {
            Presented::Digest(digest) => return self.cached_plain(*digest, view),
            Presented::Key(key) => key,
        };
        let prefix = key::well_formed(key);
        // A root key or a platform key is never an API key.
        if prefix.is_some_and(key::is_reserved) {
            return Found::Entry(CacheEntry::Unknown);
        }
        let own = prefix.is_some().then(|| Digest::of(key.as_bytes()));
        if let Some(own) = &own
            && let Some(CacheEntry::Known(known)) = self.cache.get(own, view.version_counters())
            && known.is_hashed_with("")
        {
            return Found::Entry(CacheEntry::Known(known));
        }
        self.cached_anywhere(key, own, view)
    }

    /// What the cache holds of a key whose plain digest is not that of a cached key: by the plain digest, if the key has our
    /// format, and by the digests with each suffix of imported keys.
    #[cold]
    fn cached_anywhere(&self, key: &str, own: Option<Digest>, view: View<'_>) -> Found {
        let Ok(suffixes) = self.imports.cached(view.version_counters()) else { return Found::Missing(own) };
        let Some(suffixes) = suffixes.filter(|_| is_foreign(key)) else {
            return match own {
                Some(own) => self.cached_plain(own, view),
                None => Found::Entry(CacheEntry::Unknown),
            };
        };
        match self.cached_key(digests(key, own, &suffixes), view.version_counters()) {
            Ok(known) => Found::Entry(CacheEntry::Known(known)),
            Err(missing) if missing.is_empty() => Found::Entry(CacheEntry::Unknown),
            Err(_) => Found::Missing(own),
        }
    }

    /// What the cache holds of a key with this plain digest.
    fn cached_plain(&self, digest: Digest, view: View<'_>) -> Found {
        match self.cache.get(&digest, view.version_counters()) {
            Some(entry) => Found::Entry(hashed_plainly(entry)),
            None => Found::Missing(Some(digest)),
        }
    }

    /// The record of a key that is [`Missing`](Found::Missing), from the store. It looks up the plain digest and those with
    /// suffixes in one statement.
    pub(super) fn look_up_presented(
        &self,
        presented: Presented<'_>,
        own: Option<Digest>,
        view: View<'_>,
    ) -> Result<CacheEntry> {
        let version_counters = view.version_counters();
        if let Presented::Key(key) = presented
            && let Some(suffixes) = self.imports.suffixes(self.store(), version_counters, view.wall_ms())?
            && is_foreign(key)
        {
            return match self.cached_key(digests(key, own, &suffixes), version_counters) {
                Ok(known) => Ok(CacheEntry::Known(known)),
                Err(missing) if missing.is_empty() => Ok(CacheEntry::Unknown),
                Err(missing) => self.look_up_all(missing, version_counters),
            };
        }
        match own {
            Some(own) => self.look_up(&own, version_counters).map(hashed_plainly),
            None => Ok(CacheEntry::Unknown),
        }
    }

    /// The first cached key with one of these digests that was hashed with its suffix; otherwise the digests that are
    /// not cached.
    fn cached_key<'s>(
        &self,
        digests: impl IntoIterator<Item = (&'s str, Digest)>,
        version_counters: &VersionCounters<Map>,
    ) -> Result<Arc<CachedKey>, Vec<(&'s str, Digest)>> {
        let mut missing = Vec::new();
        for (suffix, digest) in digests {
            match self.cache.get(&digest, version_counters) {
                Some(CacheEntry::Known(known)) if known.is_hashed_with(suffix) => return Ok(known),
                Some(_) => (),
                None => missing.push((suffix, digest)),
            }
        }
        Err(missing)
    }

    /// Looks up these digests in the store, in one statement.
    fn look_up_all(
        &self,
        missing: Vec<(&str, Digest)>,
        version_counters: &VersionCounters<Map>,
    ) -> Result<CacheEntry> {
        let _flight = missing.first().map(|(_, first)| self.cache.flight(first));
        // The previous holder of the flight may have cached the record.
        let missing = match self.cached_key(missing, version_counters) {
            Ok(known) => return Ok(CacheEntry::Known(known)),
            Err(missing) if missing.is_empty() => return Ok(CacheEntry::Unknown),
            Err(missing) => missing,
        };
        let digests: Vec<Digest> = missing.iter().map(|(_, digest)| *digest).collect();
        let Versioned { number: version, found } =
            self.store().keys_by_digests(&digests, version_counters)?;
        let mut valid = CacheEntry::Unknown;
        for ((suffix, digest), row) in missing.iter().zip(found) {
            if let CacheEntry::Known(known) = self.cache_row(digest, row, version)
                && known.is_hashed_with(suffix)
            {
                valid = CacheEntry::Known(known);
            }
        }
        Ok(valid)
    }

    /// Looks up `digest` in the store.
    #[cold]
    fn look_up(&self, digest: &Digest, version_counters: &VersionCounters<Map>) -> Result<CacheEntry> {
        let _flight = self.cache.flight(digest);
        // The previous holder of the flight may have cached the record.
        if let Some(cached) = self.cache.get(digest, version_counters) {
            return Ok(cached);
        }
        let Versioned { number: version, found } = self.store().key_by_digest(digest, version_counters)?;
        Ok(self.cache_row(digest, found, version))
    }

    /// Caches the row of `digest`, or its absence, in the snapshot with this `version`.
    fn cache_row(&self, digest: &Digest, row: Option<KeyRow>, version: u64) -> CacheEntry {
        match row {
            None => {
                self.cache.insert_unknown(digest, version);
                CacheEntry::Unknown
            }
            Some(row) => {
                let key = Arc::new(self.known_key(row, version));
                self.cache.insert_known(digest, Arc::clone(&key));
                CacheEntry::Known(key)
            }
        }
    }
}

/// Whether a key may be one of another product.
fn is_foreign(key: &str) -> bool {
    !key.is_empty() && key.len() <= MAX_FOREIGN && !key::is_placeholder(key)
}

/// The digests under which a key may be stored, each with the suffix that was hashed after it.
fn digests<'s>(
    key: &str,
    own: Option<Digest>,
    suffixes: &'s [String],
) -> impl Iterator<Item = (&'s str, Digest)> {
    let with = move |suffix: &str| Digest::of(Zeroizing::new([key, suffix].concat()).as_bytes());
    let is_new = move |suffix: &&str| own.is_none() || !suffix.is_empty();
    let others = suffixes.iter().map(String::as_str).filter(is_new);
    own.map(|own| ("", own)).into_iter().chain(others.map(move |suffix| (suffix, with(suffix))))
}

/// A record that was found by a plain digest. If it was hashed with a suffix, it belongs to another key, and counts as
/// unknown.
fn hashed_plainly(entry: CacheEntry) -> CacheEntry {
    match entry {
        CacheEntry::Known(known) if !known.is_hashed_with("") => CacheEntry::Unknown,
        entry => entry,
    }
}
