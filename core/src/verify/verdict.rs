//! What a verification says.

use std::fmt;
use std::sync::Arc;

use super::counters::VerdictCode;
use crate::id::{KeyId, TenantId};
use crate::key::CachedKey;

/// The answer to a verification. That no answer could be reached is an error, not a verdict.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub enum Verdict {
    /// Unknown, malformed, revoked, expired, disabled or another tenant's: never said which.
    InvalidKey,
    /// The key is good, its limit is reached. Nothing was taken.
    RateLimited(Decision),
    /// The key is good and one permit was taken.
    Admitted(Decision),
}

impl Verdict {
    /// Whether the key is good, with room left or without.
    #[must_use]
    pub fn key_valid(&self) -> bool {
        !matches!(self, Self::InvalidKey)
    }

    /// The same as a word.
    #[must_use]
    pub fn code(&self) -> VerdictCode {
        match self {
            Self::InvalidKey => VerdictCode::InvalidKey,
            Self::RateLimited(_) => VerdictCode::RateLimited,
            Self::Admitted(_) => VerdictCode::Valid,
        }
    }

    /// Whether the request may be processed.
    #[must_use]
    pub fn ok(&self) -> bool {
        matches!(self, Self::Admitted(_))
    }

    /// The decision about a valid key.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::InvalidKey => None,
            Self::RateLimited(decision) | Self::Admitted(decision) => Some(decision),
        }
    }
}

/// The decision about a valid key, and the key's owner.
#[derive(Clone)]
pub struct Decision {
    pub(crate) remaining: u32,
    pub(crate) total: u32,
    pub(crate) reset: u64,
    pub(crate) retry_after_ms: u64,
    pub(crate) window_ms: u64,
    pub(crate) reset_after_ms: u64,
    pub(crate) key: Arc<CachedKey>,
    pub(crate) role: Option<usize>,
}

impl Decision {
    /// How many calls are left in the window after this one.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// The limit that applies: calls in a window.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Unix seconds, rounded up, of the next change in the caller's favour: after a denial when this request would
    /// pass, otherwise when the oldest call leaves the window.
    #[must_use]
    pub fn reset(&self) -> u64 {
        self.reset
    }

    /// The exact wait after a denial, in milliseconds; 0 when admitted.
    #[must_use]
    pub fn retry_after_ms(&self) -> u64 {
        self.retry_after_ms
    }

    /// The duration of the window, in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// The exact time until [`reset`](Self::reset), in milliseconds. Unlike that, it does not depend on the wall clock.
    #[must_use]
    pub fn reset_after_ms(&self) -> u64 {
        self.reset_after_ms
    }

    /// The key's id.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key.id
    }

    /// The key's tenant.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        self.key.tenant
    }

    /// Whose key it is, as given when it was created.
    #[must_use]
    pub fn owner_id(&self) -> Option<&str> {
        self.key.owner.as_deref()
    }

    /// The key's roles, sorted by bytes.
    #[must_use]
    pub fn roles(&self) -> &[Arc<str>] {
        self.key.roles.names()
    }

    /// The role that chose the limit; none where the default applies.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.and_then(|index| self.roles().get(index)).map(|role| &**role)
    }

    /// The index in [`roles`](Self::roles) of the role that selected the limit.
    #[must_use]
    pub fn role_index(&self) -> Option<usize> {
        self.role
    }

    /// A number that stands for the key's id, owner and roles as they are now, and never for others: what was derived
    /// from them can be remembered under it. Below 2⁵³.
    #[must_use]
    pub fn identity_serial(&self) -> u64 {
        self.key.serial
    }

    /// The same for the roles alone, which many keys share.
    #[must_use]
    pub fn roles_serial(&self) -> u64 {
        self.key.roles.serial()
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("remaining", &self.remaining)
            .field("total", &self.total)
            .field("reset", &self.reset)
            .field("retry_after_ms", &self.retry_after_ms)
            .field("window_ms", &self.window_ms)
            .field("reset_after_ms", &self.reset_after_ms)
            .field("key_id", &self.key_id())
            .field("role", &self.role())
            .finish_non_exhaustive()
    }
}
