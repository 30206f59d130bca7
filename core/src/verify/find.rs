//! Finds the record of a key.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::cache::CacheEntry;
use super::engine::{Engine, View};
use super::io::Io;
use super::tenants::KeysOf;
use crate::error::Result;
use crate::ipc::{Map, VersionCounters};
use crate::key::{self, CachedKey};
use crate::secret::Digest;
use crate::store::{KeyRow, Versioned};

/// The maximum length of a key of another product, in bytes: the longest that fits in a header. Only digests are
/// imported, so the length is checked here and not at import.
pub(crate) const MAX_FOREIGN: usize = 4096;

impl Engine {
    /// The record of `key`, if it is valid at `view` and its tenant is accepted; none if that would need I/O and `io`
    /// forbids it.
    #[inline]
    pub(crate) fn valid_key(
        &self,
        key: &str,
        keys_of: KeysOf<'_>,
        view: View<'_>,
        io: Io,
    ) -> Result<Option<CacheEntry>> {
        let found = self.find_key(key, view, io)?;
        Ok(found.map(|found| self.accepted(found, keys_of, view)))
    }

    /// The record of the key with this digest, which has our format, if it is valid at `view`; none if that would need
    /// I/O and `io` forbids it.
    pub(crate) fn valid_key_of(&self, digest: &Digest, view: View<'_>, io: Io) -> Result<Option<CacheEntry>> {
        let found = self.find_made_with(digest, "", view.version_counters(), io)?;
        Ok(found.map(|found| self.accepted(found, KeysOf::Anyone, view)))
    }

    /// `found`, if it is valid at `view` and its tenant is accepted; otherwise unknown.
    #[inline]
    fn accepted(&self, found: CacheEntry, keys_of: KeysOf<'_>, view: View<'_>) -> CacheEntry {
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

    /// The record of a key in our format, or, if digests were imported, in any format.
    #[inline]
    fn find_key(&self, key: &str, view: View<'_>, io: Io) -> Result<Option<CacheEntry>> {
        let prefix = key::well_formed(key);
        // A root key or a platform key is never an API key.
        if prefix.is_some_and(key::is_reserved) {
            return Ok(Some(CacheEntry::Unknown));
        }
        let own = prefix.is_some().then(|| Digest::of(key.as_bytes()));
        if let Some(own) = &own {
            // If it is not cached, it is looked up below, together with its digests with suffixes.
            let found = self.find_made_with(own, "", view.version_counters(), Io::Forbidden)?;
            if matches!(found, Some(CacheEntry::Known(_))) {
                return Ok(found);
            }
        }
        self.find_anywhere(key, own, view, io)
    }

    /// The record of a key whose plain digest is not cached. It looks up the plain digest, if the key has our format, and
    /// the digests with each suffix of imported keys, all in one statement.
    #[cold]
    fn find_anywhere(
        &self,
        key: &str,
        own: Option<Digest>,
        view: View<'_>,
        io: Io,
    ) -> Result<Option<CacheEntry>> {
        let (version_counters, now) =
            (view.version_counters(), i64::try_from(view.wall_ms()).unwrap_or(i64::MAX));
        let Some(suffixes) = self.imports.suffixes(self.store(), version_counters, now, io)? else {
            return Ok(None);
        };
        let is_foreign = || !key.is_empty() && key.len() <= MAX_FOREIGN && !key::is_placeholder(key);
        let Some(suffixes) = suffixes.filter(|_| is_foreign()) else {
            return match &own {
                Some(own) => self.find_made_with(own, "", version_counters, io),
                None => Ok(Some(CacheEntry::Unknown)),
            };
        };
        let with = |suffix: &str| Digest::of(Zeroizing::new([key, suffix].concat()).as_bytes());
        let others = suffixes.iter().map(String::as_str).filter(|suffix| own.is_none() || !suffix.is_empty());
        let all = own.map(|own| ("", own)).into_iter().chain(others.map(|suffix| (suffix, with(suffix))));
        match self.cached_key(all, version_counters) {
            Ok(known) => Ok(Some(CacheEntry::Known(known))),
            Err(missing) if missing.is_empty() => Ok(Some(CacheEntry::Unknown)),
            Err(_) if io == Io::Forbidden => Ok(None),
            Err(missing) => self.look_up_all(missing, version_counters).map(Some),
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

    /// The record of the digest of a key followed by `suffix`. A record that was hashed with another suffix belongs to
    /// another key, and counts as unknown.
    #[inline]
    fn find_made_with(
        &self,
        digest: &Digest,
        suffix: &str,
        version_counters: &VersionCounters<Map>,
        io: Io,
    ) -> Result<Option<CacheEntry>> {
        Ok(match self.find(digest, version_counters, io)? {
            Some(CacheEntry::Known(known)) if !known.is_hashed_with(suffix) => Some(CacheEntry::Unknown),
            found => found,
        })
    }

    /// The record of `digest`, fresh by `version_counters`; none if that would need I/O and `io` forbids it.
    #[inline]
    fn find(
        &self,
        digest: &Digest,
        version_counters: &VersionCounters<Map>,
        io: Io,
    ) -> Result<Option<CacheEntry>> {
        match self.cache.get(digest, version_counters) {
            Some(cached) => Ok(Some(cached)),
            None if io == Io::Forbidden => Ok(None),
            None => self.look_up(digest, version_counters).map(Some),
        }
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
