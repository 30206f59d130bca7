//! The verdict of a verification.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::counters::VerdictCode;
use crate::id::{KeyId, TenantId};
use crate::key::CachedKey;

/// The verdict of a verification. A verification that cannot be completed returns an error instead.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub enum Verdict {
    /// The key is unknown, malformed, revoked, expired, disabled, or of a tenant that is not accepted. The verdict does
    /// not reveal which.
    InvalidKey,
    /// The key is valid, but must not do this: its [`code`](Decision::code) says why. Nothing was counted.
    Forbidden(Decision),
    /// The key is valid and its limit is reached. Nothing was counted.
    RateLimited(Decision),
    /// The key is valid and within its limit. One request was counted.
    Admitted(Decision),
}

impl Verdict {
    /// Whether the key is valid, within its limit or not.
    #[must_use]
    pub fn key_valid(&self) -> bool {
        !matches!(self, Self::InvalidKey)
    }

    /// The code of this verdict.
    #[must_use]
    pub fn code(&self) -> VerdictCode {
        match self {
            Self::InvalidKey => VerdictCode::InvalidKey,
            Self::Forbidden(decision) | Self::RateLimited(decision) | Self::Admitted(decision) => {
                decision.code
            }
        }
    }

    /// Whether the request may be processed.
    #[must_use]
    pub fn ok(&self) -> bool {
        matches!(self, Self::Admitted(_))
    }

    /// The decision on a valid key; none for an invalid one.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::InvalidKey => None,
            Self::Forbidden(decision) | Self::RateLimited(decision) | Self::Admitted(decision) => {
                Some(decision)
            }
        }
    }
}

/// The decision on a valid key: the result of its limit, and whose key it is.
#[derive(Clone)]
pub struct Decision {
    pub(crate) code: VerdictCode,
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
    /// The decision on a valid key for which no limit was checked.
    pub(crate) fn uncounted(code: VerdictCode, key: Arc<CachedKey>) -> Self {
        Self {
            code,
            remaining: 0,
            total: 0,
            reset: 0,
            retry_after_ms: 0,
            window_ms: 0,
            reset_after_ms: 0,
            key,
            role: None,
        }
    }

    /// The code of the verdict.
    #[must_use]
    pub fn code(&self) -> VerdictCode {
        self.code
    }

    /// Whether a limit was checked. If not, all of its numbers are 0.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.total > 0
    }

    /// The number of requests left in the window after this one.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// The limit that applies, in requests per window.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The time of the next change, in Unix seconds, rounded up: if the request was rejected, when it would be admitted;
    /// otherwise, when the oldest request leaves the window.
    #[must_use]
    pub fn reset(&self) -> u64 {
        self.reset
    }

    /// The exact time to wait before a retry; zero when admitted.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms)
    }

    /// [`retry_after`](Self::retry_after) in milliseconds.
    #[must_use]
    pub fn retry_after_ms(&self) -> u64 {
        self.retry_after_ms
    }

    /// The duration of the window.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }

    /// [`window`](Self::window) in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// The exact time until [`reset`](Self::reset). Unlike that, it does not depend on the wall clock.
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_after_ms)
    }

    /// [`reset_after`](Self::reset_after) in milliseconds.
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

    /// The key's owner, as given when the key was created.
    #[must_use]
    pub fn owner_id(&self) -> Option<&str> {
        self.key.owner.as_deref()
    }

    /// The key's name, as given when the key was created.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.key.name()
    }

    /// The key's scopes, sorted by bytes.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.key.scopes()
    }

    /// The key's metadata, a JSON object as text.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.key.metadata()
    }

    /// The key's roles, sorted by bytes.
    #[must_use]
    pub fn roles(&self) -> &[Arc<str>] {
        self.key.roles.names()
    }

    /// The role that selected the limit; none if the default applies.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.and_then(|index| self.roles().get(index)).map(|role| &**role)
    }

    /// The index in [`roles`](Self::roles) of the role that selected the limit.
    #[must_use]
    pub fn role_index(&self) -> Option<usize> {
        self.role
    }

    /// A number that identifies this version of the key's record, below 2⁵³. It is never reused, so that it can be the key
    /// of a cache of derived values.
    #[must_use]
    pub fn identity_serial(&self) -> u64 {
        self.key.serial
    }

    /// A number that identifies the set of roles, which many keys share; see [`identity_serial`](Self::identity_serial).
    #[must_use]
    pub fn roles_serial(&self) -> u64 {
        self.key.roles.serial()
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("code", &self.code)
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
