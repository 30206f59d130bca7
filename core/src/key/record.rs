//! The cached record of a key, and its validity.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use zeroize::Zeroizing;

use crate::id::{KeyId, TenantId};
use crate::role::RoleSet;
use crate::secret::Digest;
use crate::store::KeyRow;

/// A cached key: the fields of its record that verification needs.
#[derive(Debug)]
pub(crate) struct CachedKey {
    /// A serial that no other record ever has, so that results computed from this record can be cached by it.
    pub(crate) serial: u64,
    /// The change number of the snapshot from which the record was read.
    pub(crate) version: u64,
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) roles: Arc<RoleSet>,
    /// Fields that only some keys have; none if all of them are empty.
    pub(crate) extra: Option<Arc<Extra>>,
    /// The Unix time in ms from which the key is not valid: `i64::MAX` if it does not expire, 0 if it is disabled
    /// or revoked.
    pub(crate) valid_until: i64,
    /// When the last use of the key was recorded.
    pub(crate) used: LastUse,
}

/// The bytes that a record takes in a cache, and the overhead of each further text.
const RECORD_BYTES: usize = 180;
const PIECE_BYTES: usize = 40;

/// The fields that only some keys have.
#[derive(Debug)]
pub(crate) struct Extra {
    pub(crate) name: Option<Box<str>>,
    /// Sorted by bytes, without duplicates.
    pub(crate) scopes: Arc<[String]>,
    /// A JSON object.
    pub(crate) metadata: Option<Box<str>>,
    /// For an imported digest: the suffix that was hashed after the key.
    pub(crate) hashed_suffix: Option<Box<str>>,
}

impl Extra {
    /// These fields; none if all of them are empty.
    pub(crate) fn if_any(self) -> Option<Arc<Self>> {
        let Self { name, scopes, metadata, hashed_suffix } = &self;
        let is_any = !scopes.is_empty() || name.is_some() || metadata.is_some() || hashed_suffix.is_some();
        is_any.then(|| Arc::new(self))
    }
}

/// The time at which a use of the key was last recorded, in Unix ms; 0 for never.
#[derive(Debug, Default)]
pub(crate) struct LastUse(AtomicU64);

impl LastUse {
    /// The resolution, in ms: uses that follow sooner are not recorded.
    const GRAIN_MS: u64 = 60_000;

    /// Whether a use at `wall_ms` has to be recorded.
    #[inline]
    pub(crate) fn is_news(&self, wall_ms: u64) -> bool {
        // The absolute difference also covers a time that a clock that was ahead has recorded.
        self.0.load(Relaxed).abs_diff(wall_ms) >= Self::GRAIN_MS
    }

    /// Sets the time of the last recorded use.
    pub(crate) fn set(&self, wall_ms: u64) {
        self.0.store(wall_ms, Relaxed);
    }
}

impl CachedKey {
    /// The key's name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.extra.as_ref()?.name.as_deref()
    }

    /// The key's scopes, sorted by bytes.
    pub(crate) fn scopes(&self) -> &[String] {
        self.extra.as_ref().map_or(&[], |extra| &extra.scopes)
    }

    /// The key's scopes, to keep.
    pub(crate) fn shared_scopes(&self) -> Arc<[String]> {
        self.extra.as_ref().map(|extra| Arc::clone(&extra.scopes)).unwrap_or_default()
    }

    /// The key's metadata, a JSON object.
    pub(crate) fn metadata(&self) -> Option<&str> {
        self.extra.as_ref()?.metadata.as_deref()
    }

    /// The approximate size in memory, in bytes. It includes the roles, although keys may share them.
    pub(crate) fn size(&self) -> usize {
        let extra = self.extra.as_ref().map_or(0, |extra| {
            let scopes = extra.scopes.iter().map(|scope| PIECE_BYTES + scope.len()).sum::<usize>();
            let suffix = extra.hashed_suffix.as_ref().map_or(0, |suffix| suffix.len());
            let metadata = extra.metadata.as_ref().map_or(0, |metadata| metadata.len());
            let name = extra.name.as_ref().map_or(0, |name| name.len());
            PIECE_BYTES + size_of::<Extra>() + scopes + suffix + metadata + name
        });
        let owner = self.owner.as_ref().map_or(0, |owner| PIECE_BYTES + owner.len());
        let roles = self.roles.names().iter().map(|name| PIECE_BYTES + name.len()).sum::<usize>();
        RECORD_BYTES + owner + roles + extra
    }

    /// Whether the digest was computed from the key followed by `suffix`.
    #[inline]
    pub(crate) fn is_hashed_with(&self, suffix: &str) -> bool {
        match self.extra.as_ref().and_then(|extra| extra.hashed_suffix.as_deref()) {
            None => suffix.is_empty(),
            Some(own) => own == suffix,
        }
    }

    /// The digest by which `key` was found; this is its record.
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

/// The Unix time in ms from which the key of this row is not valid: `i64::MAX` if it does not expire, 0 if it is
/// disabled or revoked.
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
    fn a_use_is_recorded_once_a_minute() {
        let used = LastUse::default();
        assert!(used.is_news(100_000));
        used.set(100_000);
        assert!(!used.is_news(159_999) && used.is_news(160_000));
        assert!(!used.is_news(40_001) && used.is_news(40_000), "the clock was set back");
    }
}
