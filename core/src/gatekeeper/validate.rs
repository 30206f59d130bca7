//! A key's record, for the caller who holds the key.

use super::{At, Gatekeeper};
use crate::error::Result;
use crate::verify::{Io, ValidatedKey};

impl Gatekeeper {
    /// What the operation [`ValidateApiKey`](crate::ValidateApiKey) answers, without its way through JSON: the key, if it
    /// is valid. Nothing is taken from any limit. Anyone who holds the key may ask, and a key of any tenant is valid:
    /// compare [`tenant_id`](ValidatedKey::tenant_id) before you trust it, or use a [`Verifier`](crate::Verifier).
    ///
    /// In the file place this may wait for the disk where the key was not seen before or something has changed.
    ///
    /// ```
    /// # use gatekeeper::{CreateKey, Gatekeeper};
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let created = gatekeeper.call_blocking(CreateKey::new("user"))?;
    /// let key = gatekeeper.validate(created.api_key.expose())?;
    /// assert_eq!(key.id(), created.id);
    /// assert_eq!(gatekeeper.validate("no key").unwrap_err().status(), 401);
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `unauthorized` for a key that is not good, the same for all; `service_unavailable` where the store cannot be
    /// reached.
    pub fn validate(&self, key: &str) -> Result<ValidatedKey> {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().engine().validate_waiting(key),
            #[cfg(feature = "remote")]
            At::Remote(remote) => pollster::block_on(remote.validate(key)),
        }
    }

    /// [`validate`](Self::validate) for code that must not hold up its thread while a server answers.
    ///
    /// # Errors
    /// As for [`validate`](Self::validate).
    pub async fn validate_async(&self, key: &str) -> Result<ValidatedKey> {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().engine().validate_waiting(key),
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.validate(key).await,
        }
    }

    /// The same, if it can be said at once; nothing where the store has to be asked. For callers that must not wait:
    /// then call [`validate`](Self::validate) where waiting is allowed.
    ///
    /// # Errors
    /// As for [`validate`](Self::validate).
    pub fn try_validate(&self, key: &str) -> Result<Option<ValidatedKey>> {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().engine().validate(key, Io::Forbidden),
            #[cfg(feature = "remote")]
            At::Remote(_) => Ok(None),
        }
    }
}
