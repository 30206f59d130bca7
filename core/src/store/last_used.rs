//! The last-used times of keys. They alter no verdict, so they are not published.

use super::driver::params;
use super::{Failure, KeyRecord, Store, Tx};
use crate::error::Result;
use crate::id::KeyId;
use crate::ipc::MAX_EARLY_MS;

impl Store {
    /// Merges the pending last-used times into keys that were read.
    pub(crate) fn with_last_uses(&self, keys: &mut [KeyRecord]) {
        let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
        let waiting = self.shared().last_uses_of(&ids);
        for key in keys {
            let later =
                waiting.iter().filter(|(id, _)| *id == key.id).map(|(_, used_at)| used_at.cast_signed());
            key.last_used_at = key.last_used_at.into_iter().chain(later).max();
        }
    }
}

impl Tx<'_> {
    /// Writes when a key was last used, unless a later use is stored. A stored time in the future, from a clock
    /// that was ahead, is replaced.
    pub(super) fn set_last_used(&self, id: KeyId, used_at: i64) -> Result<(), Failure> {
        self.run(
            "UPDATE api_keys SET last_used_at = $1
             WHERE id = $2 AND (coalesce(last_used_at, 0) < $1 OR last_used_at > $1 + $3)",
            params![used_at, id, MAX_EARLY_MS.cast_signed()],
        )?;
        Ok(())
    }
}
