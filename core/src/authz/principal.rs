//! The authenticated caller.

use std::fmt;
use std::sync::Arc;

use crate::id::{KeyId, SessionId, TenantId, UserId};
use crate::secret::Digest;
use crate::verify::ValidatedKey;

/// The authenticated caller of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// The operator: the program that opened the database. May do everything.
    Operator,
    /// A user with a session.
    User { id: UserId, session: SessionId },
    /// An API key. Acts in its tenant, within its scopes.
    ApiKey { id: KeyId, tenant: TenantId, digest: Digest, scopes: Arc<[String]> },
    /// A root key. May do everything in its tenant.
    RootKey { id: KeyId, tenant: TenantId, digest: Digest },
    /// A caller without a credential.
    Anonymous,
}

/// The id of a principal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ActorId {
    User(UserId),
    Key(KeyId),
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Key(id) => id.fmt(f),
        }
    }
}

impl Principal {
    /// The principal of a valid key, which was found by `digest`.
    pub(crate) fn of_key(key: &ValidatedKey, digest: Digest) -> Self {
        Self::ApiKey { id: key.id(), tenant: key.tenant_id(), digest, scopes: key.0.shared_scopes() }
    }

    /// The kind of the principal, as in the audit log.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "apiKey",
            Self::RootKey { .. } => "rootKey",
            Self::Anonymous => "anonymous",
        }
    }

    /// The id, if the principal has one.
    pub(crate) fn id(&self) -> Option<ActorId> {
        match self {
            Self::User { id, .. } => Some(ActorId::User(*id)),
            Self::ApiKey { id, .. } | Self::RootKey { id, .. } => Some(ActorId::Key(*id)),
            Self::Operator | Self::Anonymous => None,
        }
    }

    /// The one tenant in which a key can act.
    pub(crate) fn bound_to(&self) -> Option<TenantId> {
        match self {
            Self::ApiKey { tenant, .. } | Self::RootKey { tenant, .. } => Some(*tenant),
            Self::Operator | Self::User { .. } | Self::Anonymous => None,
        }
    }
}
