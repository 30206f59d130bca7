//! A cache of credentials that are sent repeatedly, such as the root key of a service.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::secret::{CacheKey, Secret};
use crate::verify::Credential;

/// A cache of credentials by the digest of their root key. It keeps the most used ones.
///
/// A cached root key is still validated at each call: the cache keeps the version at which it was last valid. Do not use one
/// cache on both sides of a fork.
pub struct CredentialCache(Cache<CacheKey, Arc<Credential>>);

impl CredentialCache {
    /// A cache of at most `max` credentials.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self(Cache::new(max))
    }

    /// The credential of this token.
    pub(super) fn of(&self, token: &Secret) -> Arc<Credential> {
        let digest = token.digest().cache_key();
        if let Some(known) = self.0.get(&digest) {
            return known;
        }
        let credential = Arc::new(Credential::bearer(token));
        if matches!(*credential, Credential::RootKey(_)) {
            self.0.insert(digest, Arc::clone(&credential));
        }
        credential
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").finish_non_exhaustive()
    }
}
