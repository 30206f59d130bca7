//! From what a caller gives as a key to the record of it, if there is one.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::cache::Remembered;
use super::engine::{Engine, Io, View};
use crate::error::Result;
use crate::id::TenantId;
use crate::key;
use crate::secret::Digest;
use crate::shared::{Map, Words};
use crate::store::AsOf;

/// The longest key of another product that is looked up, in bytes.
const MOST_FOREIGN: usize = 512;

impl Engine {
    /// The key, if there is one and it is good as of `view` for a caller bound to `tenant` or to none; nothing if that
    /// would need I/O and `io` forbids it.
    #[inline]
    pub(crate) fn live_key(
        &self,
        key: &str,
        tenant: Option<TenantId>,
        view: View<'_>,
        io: Io,
    ) -> Result<Option<Remembered>> {
        let found = self.find_key(key, view.words(), io)?;
        Ok(found.map(|found| found.if_good(view.wall_ms(), tenant)))
    }

    /// The same for the digest of a key that has our form.
    pub(crate) fn live_key_of(&self, digest: &Digest, view: View<'_>, io: Io) -> Result<Option<Remembered>> {
        let found = self.find_made_with(digest, "", view.words(), io)?;
        Ok(found.map(|found| found.if_good(view.wall_ms(), None)))
    }

    /// The record of a key: of one that has our form, or, where digests were imported, of any other.
    #[inline]
    fn find_key(&self, key: &str, words: &Words<Map>, io: Io) -> Result<Option<Remembered>> {
        let prefix = key::well_formed(key);
        // A root or platform key is never a user's.
        if prefix.is_some_and(key::is_reserved) {
            return Ok(Some(Remembered::Unknown));
        }
        if prefix.is_some() {
            let found = self.find_made_with(&Digest::of(key.as_bytes()), "", words, io)?;
            if !matches!(found, Some(Remembered::Unknown)) {
                return Ok(found);
            }
        }
        match self.imports.suffixes(self.store(), words, io)? {
            None => Ok(None),
            Some(None) => Ok(Some(Remembered::Unknown)),
            Some(Some(suffixes)) => self.find_imported(key, &suffixes, words, io),
        }
    }

    /// The record of a key whose digest was imported.
    #[cold]
    fn find_imported(
        &self,
        key: &str,
        suffixes: &[String],
        words: &Words<Map>,
        io: Io,
    ) -> Result<Option<Remembered>> {
        if key.is_empty() || key.len() > MOST_FOREIGN {
            return Ok(Some(Remembered::Unknown));
        }
        for suffix in suffixes {
            let hashed = Zeroizing::new([key, suffix].concat());
            let found = self.find_made_with(&Digest::of(hashed.as_bytes()), suffix, words, io)?;
            if !matches!(found, Some(Remembered::Unknown)) {
                return Ok(found);
            }
        }
        Ok(Some(Remembered::Unknown))
    }

    /// The record of the digest that was made of a key and then `suffix`. One that was made with another suffix is of
    /// another key, which is longer or shorter.
    #[inline]
    fn find_made_with(
        &self,
        digest: &Digest,
        suffix: &str,
        words: &Words<Map>,
        io: Io,
    ) -> Result<Option<Remembered>> {
        Ok(match self.find(digest, words, io)? {
            Some(Remembered::Known(known)) if !known.is_hashed_with(suffix) => Some(Remembered::Unknown),
            found => found,
        })
    }

    /// The record of `digest`, as fresh as `words` say; nothing if that would need I/O and `io` forbids it.
    #[inline]
    fn find(&self, digest: &Digest, words: &Words<Map>, io: Io) -> Result<Option<Remembered>> {
        match self.cache.get(digest, words) {
            Some(remembered) => Ok(Some(remembered)),
            None if io == Io::Forbidden => Ok(None),
            None => self.look_up(digest, words).map(Some),
        }
    }

    /// The same from the store.
    #[cold]
    fn look_up(&self, digest: &Digest, words: &Words<Map>) -> Result<Remembered> {
        let _flight = self.cache.flight(digest);
        // Whoever held the flight before may have brought the answer.
        if let Some(remembered) = self.cache.get(digest, words) {
            return Ok(remembered);
        }
        let AsOf { number: as_of, found } = self.store().key_by_digest(digest, words)?;
        Ok(match found {
            None => {
                self.cache.insert_unknown(digest, as_of);
                Remembered::Unknown
            }
            Some(row) => {
                let key = Arc::new(self.known_key(row, as_of));
                self.cache.insert_known(digest, Arc::clone(&key));
                Remembered::Known(key)
            }
        })
    }
}

impl Remembered {
    /// The same, but nobody's where the key is not good at `wall_ms` for a caller bound to `tenant` or to none.
    #[inline]
    fn if_good(self, wall_ms: u64, tenant: Option<TenantId>) -> Self {
        match self {
            Self::Known(known) if known.is_good(wall_ms, tenant) => Self::Known(known),
            Self::Known(_) | Self::Unknown => Self::Unknown,
        }
    }
}
