//! A cache of credentials that come again, such as the root key that a backend presents with every request.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::{At, Gatekeeper};
use crate::guard::PresentedCredential;
use crate::secret::{CacheKey, Secret};
use crate::verify::Credential;

/// Remembers callers by the digest of their root key, the most used of them. They are judged at each call all the same:
/// what is kept is as of which change a root key was found good. Not to be used on both sides of a fork.
pub struct CredentialCache(Cache<CacheKey, Arc<Credential>>);

impl CredentialCache {
    /// Room for `most` callers.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// The caller who bears this token.
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

impl Gatekeeper {
    /// The same backend, used by the caller who presents this credential. A root key is remembered in `credentials`: what was
    /// found of it is used again for as long as nothing has changed.
    #[must_use]
    pub fn presented(&self, credential: PresentedCredential<'_>, credentials: &CredentialCache) -> Self {
        let embedded = match &self.0 {
            At::Embedded(embedded) => embedded,
            #[cfg(feature = "remote")]
            At::Remote(remote) => {
                return Self(At::Remote(match credential {
                    PresentedCredential::None => remote.anonymous(),
                    PresentedCredential::One(token) => remote.with_token(&Secret::new(token)),
                    PresentedCredential::OtherScheme
                    | PresentedCredential::Unreadable
                    | PresentedCredential::Different => remote.with_token(&Secret::new("")),
                }));
            }
        };
        Self(At::Embedded(match credential {
            PresentedCredential::None => embedded.acting(Credential::Anonymous),
            PresentedCredential::One(token) => embedded.acting(credentials.of(&Secret::new(token))),
            PresentedCredential::OtherScheme | PresentedCredential::Unreadable => {
                embedded.acting(Credential::Malformed)
            }
            PresentedCredential::Different => embedded.acting(Credential::Different),
        }))
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").finish_non_exhaustive()
    }
}
