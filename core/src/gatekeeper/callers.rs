//! Callers who come again, such as backends that show a server their root key with every request.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::secret::{CacheKey, Secret};
use crate::verify::Caller;

/// Remembers callers by the digest of their root key, the most used of them. They are judged at each call all the same:
/// what is kept is as of which change a root key was found good. Not to be used on both sides of a fork.
pub struct Callers(Cache<CacheKey, Arc<Caller>>);

impl Callers {
    /// Room for `most` callers.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// The caller who bears this token.
    pub(super) fn of(&self, token: &Secret) -> Arc<Caller> {
        let digest = token.digest().cache_key();
        if let Some(known) = self.0.get(&digest) {
            return known;
        }
        let caller = Arc::new(Caller::bearer(token));
        if matches!(*caller, Caller::RootKey(_)) {
            self.0.insert(digest, Arc::clone(&caller));
        }
        caller
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").finish_non_exhaustive()
    }
}
