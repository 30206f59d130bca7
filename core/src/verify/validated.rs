//! Validation of a key without a limit.

use std::fmt;
use std::sync::Arc;

use super::credential::invalid_credential;
use super::engine::Engine;
use super::find::Presented;
use super::tenants::KeysOf;
use super::verdict::Verdict;
use super::verification::Verification;
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::key::CachedKey;

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

    /// The key's name, as given when the key was created.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// The key's scopes, sorted by bytes.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.0.scopes()
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
        self.0.metadata()
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

impl ValidatedKey {
    /// The key of a verdict.
    ///
    /// # Errors
    /// `unauthorized`, the same for every invalid key.
    pub(crate) fn of(verdict: Verdict) -> Result<Self> {
        match verdict {
            Verdict::Admitted(decision) => Ok(Self(decision.key)),
            _ => Err(invalid_credential()),
        }
    }
}

/// The validation of a key of any tenant, without a limit.
pub(crate) fn validation(key: Presented<'_>) -> Verification<'_, &'static str, &'static str> {
    Verification { key, keys_of: KeysOf::Anyone, endpoint: None, variables: &[], scopes: &[], cost: 1 }
}

impl Engine {
    /// Validates a key of any tenant. It may wait for the disk.
    ///
    /// # Errors
    /// `unauthorized`, the same for every invalid key.
    pub(crate) fn validated(&self, key: Presented<'_>) -> Result<ValidatedKey> {
        let validation = validation(key);
        ValidatedKey::of(validation.finish(self, validation.begin(self)?, None)?)
    }
}
