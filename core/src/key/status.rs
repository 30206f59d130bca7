//! The status of a key, as its holder's tenant sees it.

use serde::{Deserialize, Serialize};

/// Whether a key is good, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It is good.
    Active,
    /// It is rejected until it is made active again.
    Disabled,
    /// It is rejected for ever.
    Revoked,
    /// Its end has come.
    Expired,
}

impl KeyStatus {
    /// The status at `now` of a key that is stored as `active`, `disabled` or `revoked` and ends at `expires_at`, both in
    /// Unix ms.
    pub(crate) fn of(stored: &str, expires_at: Option<i64>, now: i64) -> Self {
        match stored {
            "active" if expires_at.is_none_or(|end| now < end) => Self::Active,
            "active" => Self::Expired,
            "disabled" => Self::Disabled,
            // What is not known is not good.
            _ => Self::Revoked,
        }
    }

    /// As it is stored.
    pub(crate) const fn as_stored(self) -> &'static str {
        match self {
            Self::Active | Self::Expired => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }
}
