//! A key's record, as verification needs it, and whether it is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use zeroize::Zeroizing;

use crate::id::{KeyId, TenantId};
use crate::role::RoleSet;
use crate::secret::Digest;
use crate::store::KeyRow;

/// What is known of a live or expired key.
#[derive(Debug)]
pub(crate) struct CachedKey {
    /// Never used again for another record, so that what was derived from this one can be remembered.
    pub(crate) serial: u64,
    /// The change number of the snapshot this was read from.
    pub(crate) version: u64,
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) roles: Arc<RoleSet>,
    /// None where there is nothing in it, as for most keys.
    pub(crate) extra: Option<Arc<Extra>>,
    /// Unix ms from which on the key is not good: `i64::MAX` where it never ends, 0 where it is disabled or revoked.
    pub(crate) valid_until: i64,
    /// When that was last noted.
    pub(crate) used: LastUse,
}

/// What a record takes with the room of a cache for it, and what each further piece of text takes beside its bytes.
const RECORD_BYTES: usize = 180;
const PIECE_BYTES: usize = 40;

/// What only some keys have.
#[derive(Debug)]
pub(crate) struct Extra {
    /// Sorted by bytes, each once.
    pub(crate) scopes: Arc<[String]>,
    /// A JSON object.
    pub(crate) metadata: Option<Box<str>>,
    /// Of an imported digest: what was hashed after the key.
    pub(crate) hashed_suffix: Option<Box<str>>,
}

/// When a use of the key was last noted, in Unix ms; 0 for never.
#[derive(Debug, Default)]
pub(crate) struct LastUse(AtomicU64);

impl LastUse {
    /// How exactly it is known, in ms: what follows sooner is not noted.
    const GRAIN_MS: u64 = 60_000;

    /// Whether a use at `wall_ms` has to be noted.
    #[inline]
    pub(crate) fn is_news(&self, wall_ms: u64) -> bool {
        // Of the future is what a clock that was ahead has noted.
        self.0.load(Relaxed).abs_diff(wall_ms) >= Self::GRAIN_MS
    }

    /// It is noted.
    pub(crate) fn set(&self, wall_ms: u64) {
        self.0.store(wall_ms, Relaxed);
    }
}

impl CachedKey {
    /// Its scopes.
    pub(crate) fn scopes(&self) -> Arc<[String]> {
        self.extra.as_ref().map(|extra| Arc::clone(&extra.scopes)).unwrap_or_default()
    }

    /// About how many bytes it holds in memory, its roles too, although keys may share them.
    pub(crate) fn size(&self) -> usize {
        let extra = self.extra.as_ref().map_or(0, |extra| {
            let scopes = extra.scopes.iter().map(|scope| PIECE_BYTES + scope.len()).sum::<usize>();
            let suffix = extra.hashed_suffix.as_ref().map_or(0, |suffix| suffix.len());
            let metadata = extra.metadata.as_ref().map_or(0, |metadata| metadata.len());
            PIECE_BYTES + size_of::<Extra>() + scopes + suffix + metadata
        });
        let owner = self.owner.as_ref().map_or(0, |owner| PIECE_BYTES + owner.len());
        let roles = self.roles.names().iter().map(|name| PIECE_BYTES + name.len()).sum::<usize>();
        RECORD_BYTES + owner + roles + extra
    }

    /// Whether its digest was made of the key and then `suffix`.
    #[inline]
    pub(crate) fn is_hashed_with(&self, suffix: &str) -> bool {
        match self.extra.as_ref().and_then(|extra| extra.hashed_suffix.as_deref()) {
            None => suffix.is_empty(),
            Some(own) => own == suffix,
        }
    }

    /// The digest that `key`, whose record this is, was found by.
    pub(crate) fn digest_of(&self, key: &str) -> Digest {
        let suffix = self.extra.as_ref().and_then(|extra| extra.hashed_suffix.as_deref()).unwrap_or_default();
        let hashed = Zeroizing::new([key, suffix].concat());
        Digest::of(hashed.as_bytes())
    }

    /// A serial for a new record.
    pub(crate) fn next_serial() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Relaxed)
    }

    /// Whether the key is valid at `wall_ms`.
    pub(crate) fn is_valid(&self, wall_ms: u64) -> bool {
        i64::try_from(wall_ms).is_ok_and(|now| now < self.valid_until)
    }
}

/// Unix ms from which on the key of this row is not valid: `i64::MAX` where it never ends, 0 where it is disabled or
/// revoked.
pub(crate) fn valid_until(row: &KeyRow) -> i64 {
    if row.is_active { row.expires_at.unwrap_or(i64::MAX) } else { 0 }
}

/// Whether the key of this row is valid at `now`, in Unix ms.
pub(crate) fn is_valid(row: &KeyRow, now: i64) -> bool {
    now < valid_until(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_cache_line_and_a_half() {
        assert!(size_of::<CachedKey>() <= 96, "{}", size_of::<CachedKey>());
    }

    #[test]
    fn a_use_is_news_once_a_minute() {
        let used = LastUse::default();
        assert!(used.is_news(100_000));
        used.set(100_000);
        assert!(!used.is_news(159_999) && used.is_news(160_000));
        assert!(!used.is_news(40_001) && used.is_news(40_000), "the clock was set back");
    }
}
