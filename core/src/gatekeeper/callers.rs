//! Callers who come again, such as backends that show a server their root key with every request.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::{At, Gatekeeper};
use crate::guard::PresentedCredential;
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

impl Gatekeeper {
    /// The same backend, used by the caller who presents this credential. A root key is remembered in `callers`: what was
    /// found of it is used again for as long as nothing has changed.
    #[must_use]
    pub fn presented(&self, credential: PresentedCredential<'_>, callers: &Callers) -> Self {
        let own = match &self.0 {
            At::Own(own) => own,
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
        Self(At::Own(match credential {
            PresentedCredential::None => own.acting(Caller::Anonymous),
            PresentedCredential::One(token) => own.acting(callers.of(&Secret::new(token))),
            PresentedCredential::OtherScheme | PresentedCredential::Unreadable => {
                own.acting(Caller::Malformed)
            }
            PresentedCredential::Different => own.acting(Caller::Different),
        }))
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").finish_non_exhaustive()
    }
}
