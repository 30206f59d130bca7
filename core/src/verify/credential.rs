//! The credential of a call, and the validation of root keys.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::engine::{Engine, View};
use super::io::Io;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::TenantId;
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

    /// The validated root key of the caller; none for the operator.
    pub(crate) fn root_key_now(&self, engine: &Engine) -> Result<Option<BoundRootKey>> {
        match self {
            Self::Operator => Ok(None),
            Self::RootKey(root) => {
                let bound = match engine.view(Io::Allowed)? {
                    Some(view) => root.bound(engine, &view, Io::Allowed)?,
                    None => None,
                };
                // An error, since none would mean the operator.
                bound.map(Some).ok_or_else(|| GatekeeperError::internal("a root key without a tenant"))
            }
            Self::Anonymous => Err(no_root_key()),
            Self::ApiKey(_) | Self::Token(_) | Self::Malformed => Err(wrong_root_key()),
            Self::Empty => Err(empty_root_key()),
            Self::Different => Err(GatekeeperError::different_credentials()),
        }
    }

    /// Whether the credential is the operator's or a valid root key.
    pub(crate) fn is_trusted(&self, engine: &Engine) -> bool {
        matches!(self, Self::Operator | Self::RootKey(_)) && self.root_key_now(engine).is_ok()
    }

    /// The root key of the caller, if the cache shows that it is valid. Does no I/O.
    pub(crate) fn try_root_key_now(&self, engine: &Engine) -> Option<BoundRootKey> {
        let Self::RootKey(root) = self else { return None };
        let view = engine.view(Io::Forbidden).ok()??;
        root.bound(engine, &view, Io::Forbidden).ok()?
    }

    /// The tenant of the root key at `view`; `Some(None)` for the operator. `None` if that would need I/O and `io` forbids
    /// it.
    #[allow(
        clippy::option_option,
        reason = "the outer one is none if I/O is needed, the inner one is none for the operator"
    )]
    pub(super) fn tenant(
        &self,
        engine: &Engine,
        view: &View<'_>,
        io: Io,
    ) -> Result<Option<Option<TenantId>>> {
        match self {
            Self::Operator => Ok(Some(None)),
            Self::RootKey(root) => Ok(root.bound(engine, view, io)?.map(|bound| Some(bound.tenant))),
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

    /// The id and the tenant, if the key is valid at `view`; none if that would need I/O and `io` forbids it.
    fn bound(&self, engine: &Engine, view: &View<'_>, io: Io) -> Result<Option<BoundRootKey>> {
        let digest = match &self.shape {
            Shape::WellFormed(digest) => digest,
            Shape::Empty => return Err(empty_root_key()),
            Shape::Malformed => return Err(wrong_root_key()),
        };
        if self.valid_version.load(SeqCst) > view.version_counters().of_known(digest) {
            return Ok(self.bound.get().copied());
        }
        if self.wrong_version.load(SeqCst) > view.version_counters().of_unknown(digest) {
            return Err(wrong_root_key());
        }
        if io == Io::Forbidden {
            return Ok(None);
        }
        let read = engine.store().root_key(digest, view.version_counters())?;
        let Some(bound) = read.found else {
            self.wrong_version.fetch_max(read.number + 1, SeqCst);
            return Err(wrong_root_key());
        };
        let bound = *self.bound.get_or_init(|| bound);
        self.valid_version.fetch_max(read.number + 1, SeqCst);
        Ok(Some(bound))
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
