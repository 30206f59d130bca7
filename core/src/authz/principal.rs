//! Who is calling.

use std::fmt;
use std::sync::Arc;

use crate::id::{KeyId, SessionId, TenantId, UserId};
use crate::secret::Digest;
use crate::verify::ValidatedKey;

/// Who is calling, once their credential has been judged.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// Whoever runs this process; may do everything.
    Operator,
    /// A user, in one of their sessions.
    User { id: UserId, session: SessionId },
    /// An API key: acts in its tenant, within its scopes.
    ApiKey { id: KeyId, tenant: TenantId, digest: Digest, scopes: Arc<[String]> },
    /// A root key: may do everything in its tenant.
    RootKey { id: KeyId, tenant: TenantId, digest: Digest },
    /// No credential was given.
    Anonymous,
}

/// The id of an actor.
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
    /// Who calls with this key, which was found by `digest`.
    pub(crate) fn of_key(key: &ValidatedKey, digest: Digest) -> Self {
        Self::ApiKey { id: key.id(), tenant: key.tenant_id(), digest, scopes: key.0.scopes() }
    }

    /// What kind of actor it is, as the audit log has it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "apiKey",
            Self::RootKey { .. } => "rootKey",
            Self::Anonymous => "anonymous",
        }
    }

    /// Its id, where it has one.
    pub(crate) fn id(&self) -> Option<ActorId> {
        match self {
            Self::User { id, .. } => Some(ActorId::User(*id)),
            Self::ApiKey { id, .. } | Self::RootKey { id, .. } => Some(ActorId::Key(*id)),
            Self::Operator | Self::Anonymous => None,
        }
    }

    /// The one tenant it can act in, for a key.
    pub(crate) fn bound_to(&self) -> Option<TenantId> {
        match self {
            Self::ApiKey { tenant, .. } | Self::RootKey { tenant, .. } => Some(*tenant),
            Self::Operator | Self::User { .. } | Self::Anonymous => None,
        }
    }
}
