//! The credential of a call, and the validation of root keys.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::engine::{Engine, View};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::key;
use crate::secret::{Digest, Secret};
use crate::store::BoundRootKey;

/// The credential of a call, which is not validated yet.
#[derive(Debug)]
pub(crate) enum Credential {
    /// The operator, who can accept keys of every tenant.
    Operator,
    /// A root key, which acts for its tenant.
    RootKey(RootKey),
    /// An API key.
    ApiKey(Digest),
    /// A token in another format: a user's access token, or a key of another product whose digest was imported.
    Token(Secret),
    /// A value that cannot be a valid credential.
    Malformed,
    /// An empty credential.
    Empty,
    /// Two credentials that differ.
    Different,
    /// No credential.
    Anonymous,
}

/// For whom a key manager acts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authority {
    /// For the operator.
    Operator,
    /// For the tenant of a root key, which is valid.
    RootKey(BoundRootKey),
}

/// A root key, which is validated at first use, and again after each change that may affect it.
#[derive(Debug)]
pub(crate) struct RootKey {
    shape: Shape,
    /// The id and the tenant, which never change.
    bound: OnceLock<BoundRootKey>,
    /// The version at which it was last valid, plus one; 0 for never.
    valid_version: AtomicU64,
    /// The version at which it was last invalid, plus one; 0 for never.
    wrong_version: AtomicU64,
}

#[derive(Debug)]
enum Shape {
    Empty,
    Malformed,
    WellFormed(Digest),
}

impl Credential {
    pub(crate) fn root_key(secret: &Secret) -> Self {
        let shape = match secret.expose() {
            "" => Shape::Empty,
            key if key::is_root(key) => Shape::WellFormed(secret.digest()),
            _ => Shape::Malformed,
        };
        Self::RootKey(RootKey {
            shape,
            bound: OnceLock::new(),
            valid_version: AtomicU64::new(0),
            wrong_version: AtomicU64::new(0),
        })
    }

    /// A `Bearer` credential: a root key, an API key or a user's access token.
    pub(crate) fn bearer(secret: &Secret) -> Self {
        if secret.expose().is_empty() {
            return Self::Empty;
        }
        match key::well_formed(secret.expose()) {
            Some(_) if key::is_root(secret.expose()) => Self::root_key(secret),
            Some(prefix) if key::is_reserved(prefix) => Self::Malformed,
            Some(_) => Self::ApiKey(secret.digest()),
            None => Self::Token(secret.clone()),
        }
    }

    /// For whom the credential acts, if the cache shows it at `view`; none if the store must be asked.
    ///
    /// # Errors
    /// `unauthorized` for any other credential, and for a root key that is not valid.
    #[inline]
    pub(crate) fn cached_authority(&self, view: &View<'_>) -> Result<Option<Authority>> {
        match self.root_key_of_call()? {
            None => Ok(Some(Authority::Operator)),
            Some(root) => Ok(root.cached(view)?.map(Authority::RootKey)),
        }
    }

    /// For whom the credential acts. It may wait for the store.
    ///
    /// # Errors
    /// As for [`cached_authority`](Self::cached_authority).
    pub(crate) fn authority(&self, engine: &Engine) -> Result<Authority> {
        match self.root_key_of_call()? {
            None => Ok(Authority::Operator),
            Some(root) => root.validated(engine).map(Authority::RootKey),
        }
    }

    /// Whether the credential is the operator's or a valid root key.
    pub(crate) fn is_trusted(&self, engine: &Engine) -> bool {
        self.authority(engine).is_ok()
    }

    /// The root key, not validated; none for the operator.
    #[inline]
    fn root_key_of_call(&self) -> Result<Option<&RootKey>> {
        match self {
            Self::Operator => Ok(None),
            Self::RootKey(root) => Ok(Some(root)),
            Self::Anonymous => Err(no_root_key()),
            Self::ApiKey(_) | Self::Token(_) | Self::Malformed => Err(wrong_root_key()),
            Self::Empty => Err(empty_root_key()),
            Self::Different => Err(GatekeeperError::different_credentials()),
        }
    }
}

impl RootKey {
    /// Its digest, if it has the format of a root key.
    pub(crate) fn digest(&self) -> Option<Digest> {
        match &self.shape {
            Shape::WellFormed(digest) => Some(*digest),
            Shape::Empty | Shape::Malformed => None,
        }
    }

    /// The id and the tenant, if the cache shows at `view` that the key is valid; none if the store must be asked.
    fn cached(&self, view: &View<'_>) -> Result<Option<BoundRootKey>> {
        let digest = self.well_formed()?;
        if self.valid_version.load(SeqCst) > view.version_counters().of_known(digest) {
            return Ok(self.bound.get().copied());
        }
        if self.wrong_version.load(SeqCst) > view.version_counters().of_unknown(digest) {
            return Err(wrong_root_key());
        }
        Ok(None)
    }

    /// The id and the tenant, if the key is valid. It may wait for the store.
    fn validated(&self, engine: &Engine) -> Result<BoundRootKey> {
        let (digest, view) = (self.well_formed()?, engine.open_view()?);
        if let Some(bound) = self.cached(&view)? {
            return Ok(bound);
        }
        let read = engine.store().root_key(digest, view.version_counters())?;
        let Some(bound) = read.found else {
            self.wrong_version.fetch_max(read.number + 1, SeqCst);
            return Err(wrong_root_key());
        };
        let bound = *self.bound.get_or_init(|| bound);
        self.valid_version.fetch_max(read.number + 1, SeqCst);
        Ok(bound)
    }

    fn well_formed(&self) -> Result<&Digest> {
        match &self.shape {
            Shape::WellFormed(digest) => Ok(digest),
            Shape::Empty => Err(empty_root_key()),
            Shape::Malformed => Err(wrong_root_key()),
        }
    }
}

/// The error for every invalid credential: unknown, expired, revoked or of the wrong kind.
pub(crate) fn invalid_credential() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialInvalid, "the credential is not valid")
}

pub(crate) fn no_root_key() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialMissing, "this call needs a root key")
}

pub(crate) fn wrong_root_key() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialInvalid, "the root key is not valid")
}

pub(crate) fn empty_root_key() -> GatekeeperError {
    let message = "the root key is an empty string: is its environment variable set?";
    GatekeeperError::new(ErrorKind::CredentialEmpty, message)
}
