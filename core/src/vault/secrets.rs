//! The secrets of a database as callers give them, and the vault that they open.

use std::path::Path;

use super::{Keys, Vault, key_file};
use crate::error::{GatekeeperError, Result};
use crate::secret::Secret;

/// The minimum length of a secret in bytes: shorter ones can be guessed.
const MIN_BYTES: usize = 16;

/// The secrets that a caller gives for a database.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    pub(crate) current: Option<Secret>,
    /// The previous secret, during a rotation.
    pub(crate) previous: Option<Secret>,
}

impl Secrets {
    /// # Errors
    /// `bad_request` for a secret of fewer than 16 bytes.
    pub(crate) fn check(&self) -> Result<()> {
        self.current.iter().try_for_each(|secret| check_length("GATEKEEPER_SECRET", secret))?;
        self.previous.iter().try_for_each(|secret| check_length("GATEKEEPER_SECRET_PREVIOUS", secret))
    }

    /// The vault of these secrets, and whether its secret was created just now. If none was given, the secret is
    /// read from the file next to the database at `path`, or created; in memory it is random. `is_free` says
    /// whether no other process uses a secret: a file is only created then.
    ///
    /// # Errors
    /// Those of [`check`](Self::check); `service_unavailable` if the file cannot be read or created.
    pub(crate) fn open(
        &self,
        path: Option<&Path>,
        is_free: impl FnOnce() -> Result<()>,
    ) -> Result<(Vault, bool)> {
        self.check()?;
        let (current, is_new) = match (&self.current, path) {
            (Some(secret), _) => (secret.clone(), false),
            (None, None) => (Vault::new_secret()?, false),
            (None, Some(path)) => key_file::secret_beside(path, is_free)?,
        };
        Ok((self.vault(&current)?, is_new))
    }

    /// The vault of these secrets, if a secret exists.
    pub(crate) fn open_existing(&self, path: &Path) -> Result<Option<Vault>> {
        self.check()?;
        let current = match &self.current {
            Some(secret) => Some(secret.clone()),
            None => key_file::read_beside(path)?,
        };
        current.map(|current| self.vault(&current)).transpose()
    }

    fn vault(&self, current: &Secret) -> Result<Vault> {
        // The secret of a file is checked too.
        check_length("GATEKEEPER_SECRET", current)?;
        let previous = self.previous.as_ref().filter(|previous| !previous.is_equal_to(current));
        Ok(Vault { current: Keys::of(current), previous: previous.map(Keys::of) })
    }
}

fn check_length(name: &str, secret: &Secret) -> Result<()> {
    if secret.expose().len() < MIN_BYTES {
        return Err(GatekeeperError::bad_request(format!(
            "{name} must be at least {MIN_BYTES} bytes: create one with `openssl rand -base64 32`"
        )));
    }
    Ok(())
}
