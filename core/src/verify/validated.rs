//! Validation of a key without a limit.

use std::fmt;
use std::sync::Arc;

use super::cache::CacheEntry;
use super::credential::invalid_credential;
use super::engine::{Engine, View};
use super::io::Io;
use super::tenants::KeysOf;
use crate::deadline;
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key::CachedKey;
use crate::secret::Digest;

/// The validated key, with its owner, roles and scopes.
#[derive(Clone)]
pub struct ValidatedKey(pub(crate) Arc<CachedKey>);

impl ValidatedKey {
    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// The key's tenant.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        self.0.tenant
    }

    /// The key's owner, as given when the key was created.
    #[must_use]
    pub fn owner_id(&self) -> Option<&str> {
        self.0.owner.as_deref()
    }

    /// The key's scopes, sorted by bytes.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.0.extra.as_ref().map_or(&[], |extra| &extra.scopes)
    }

    /// The key's roles, sorted by bytes.
    #[must_use]
    pub fn roles(&self) -> &[Arc<str>] {
        self.0.roles.names()
    }

    /// When the key expires, or this secret of a rotated key if that is earlier, in Unix ms; none if it does not expire.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        Some(self.0.valid_until).filter(|end| *end < i64::MAX)
    }

    /// The key's metadata, a JSON object as text.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.0.extra.as_ref().and_then(|extra| extra.metadata.as_deref())
    }

    /// A number that identifies this version of the record, below 2⁵³. It is never reused, so that it can be the key of
    /// a cache of derived values.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.0.serial
    }
}

impl fmt::Debug for ValidatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidatedKey")
            .field("id", &self.id())
            .field("tenant_id", &self.tenant_id())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// The key, if it is valid now; none if that would need I/O and `io` forbids it.
    ///
    /// # Errors
    /// `unauthorized`, the same for every invalid key.
    pub(crate) fn validate(&self, key: &str, io: Io) -> Result<Option<ValidatedKey>> {
        let Some(view) = self.view(io)? else { return Ok(None) };
        let found = self.valid_key(key, KeysOf::Anyone, view, io)?;
        self.used(found, view, io)
    }

    /// [`validate`](Self::validate) that waits for the store if the key is not cached.
    pub(crate) fn validate_blocking(&self, key: &str) -> Result<ValidatedKey> {
        // A cached key needs no deadline, which saves reading the clock.
        match self.validate(key, Io::Forbidden)? {
            Some(key) => Ok(key),
            None => deadline::call(|| self.validate(key, Io::Allowed)?.ok_or_else(no_result)),
        }
    }

    /// [`validate_blocking`](Self::validate_blocking) for the digest of a key that has our format.
    pub(crate) fn validate_digest(&self, digest: &Digest) -> Result<ValidatedKey> {
        let view = self.view(Io::Allowed)?.ok_or_else(no_result)?;
        let found = self.valid_key_of(digest, view, Io::Allowed)?;
        self.used(found, view, Io::Allowed)?.ok_or_else(no_result)
    }

    fn used(&self, found: Option<CacheEntry>, view: View<'_>, io: Io) -> Result<Option<ValidatedKey>> {
        match found {
            None => Ok(None),
            Some(CacheEntry::Unknown) => Err(invalid_credential()),
            Some(CacheEntry::Known(key)) => Ok(self.touch(&key, view, io).then_some(ValidatedKey(key))),
        }
    }
}

fn no_result() -> GatekeeperError {
    GatekeeperError::internal("no result, although I/O was allowed")
}
