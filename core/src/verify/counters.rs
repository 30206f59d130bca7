//! The codes of verdicts, and counters by code.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

/// The reason for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerdictCode {
    /// The request may be processed.
    Valid,
    /// The key is unknown, malformed, revoked, expired, disabled, or not one that the caller may verify. The verdict
    /// does not reveal which.
    InvalidKey,
    /// The key is valid but lacks a required scope. Nothing was counted.
    InsufficientScope,
    /// The key is valid and its limit is reached. Nothing was counted.
    RateLimited,
}

/// Counters of verdicts, for example for the metrics of a server.
#[derive(Debug, Default)]
pub struct VerdictCounters([AtomicU64; 4]);

impl VerdictCode {
    /// Every code.
    pub const ALL: [Self; 4] = [Self::Valid, Self::InvalidKey, Self::InsufficientScope, Self::RateLimited];

    /// The code as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::InvalidKey => "invalid_key",
            Self::InsufficientScope => "insufficient_scope",
            Self::RateLimited => "rate_limited",
        }
    }
}

impl VerdictCounters {
    /// The number of verdicts with this code.
    #[must_use]
    pub fn count(&self, code: VerdictCode) -> u64 {
        self.0.get(code as usize).map_or(0, |count| count.load(Relaxed))
    }

    pub(crate) fn note(&self, code: VerdictCode) {
        if let Some(count) = self.0.get(code as usize) {
            count.fetch_add(1, Relaxed);
        }
    }
}
