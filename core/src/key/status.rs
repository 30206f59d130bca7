//! The status of a key, as its tenant sees it.

use serde::{Deserialize, Serialize};

/// The status of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// The key is valid.
    Active,
    /// The key is rejected until it is active again.
    Disabled,
    /// The key is rejected for good.
    Revoked,
    /// The key has reached its expiry, and is rejected.
    Expired,
}

impl KeyStatus {
    /// The status at `now` of a key whose stored status is `active`, `disabled` or `revoked` and which expires at
    /// `expires_at`, both times in Unix ms.
    pub(crate) fn of(stored: &str, expires_at: Option<i64>, now: i64) -> Self {
        match stored {
            "active" if expires_at.is_none_or(|end| now < end) => Self::Active,
            "active" => Self::Expired,
            "disabled" => Self::Disabled,
            // An unknown status is never valid.
            _ => Self::Revoked,
        }
    }

    /// The status as stored in the database.
    pub(crate) const fn as_stored(self) -> &'static str {
        match self {
            Self::Active | Self::Expired => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }
}
