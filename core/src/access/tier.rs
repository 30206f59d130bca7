//! How often one source may call what anybody can call.

use serde_json::json;

use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::place::Place;
use crate::window::Limit;

/// The window of every tier, in ms.
const WINDOW_MS: u64 = 60_000;

/// A limit of calls from one source in a minute. Where a call names no source, nothing is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// What it is called; each tier is counted apart.
    pub name: &'static str,
    /// How many calls a minute.
    pub most: u32,
}

impl Tier {
    /// Making accounts.
    pub const SIGNUP: Self = Self { name: "signup", most: 20 };
    /// Exchanging refresh tokens.
    pub const REFRESH: Self = Self { name: "refresh", most: 60 };
    /// Showing API keys that are not good.
    pub const KEY: Self = Self { name: "key", most: 60 };

    /// Counts a call from `source` if its credential was not good.
    ///
    /// # Errors
    /// Those of what was found, and of [`charge`](Self::charge).
    pub(crate) fn charge_refused<T>(
        self,
        place: &Place,
        source: Option<&str>,
        found: Result<T>,
    ) -> Result<T> {
        match found {
            Err(error) if error.kind() == ErrorKind::CredentialInvalid => {
                self.charge(place, source)?;
                Err(error)
            }
            found => found,
        }
    }

    /// Counts a call from `source`.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait; `service_unavailable` where it cannot be counted.
    pub(crate) fn charge(self, place: &Place, source: Option<&str>) -> Result<()> {
        let Some(source) = source else { return Ok(()) };
        let taken = place.engine().take_unkeyed(self.name, source, Limit::new(self.most, WINDOW_MS)?)?;
        if taken.admitted {
            return Ok(());
        }
        let seconds = u32::try_from(taken.retry_after_ms.div_ceil(1000)).unwrap_or(u32::MAX);
        let limit = json!({ "name": self.name, "total": self.most, "windowSeconds": WINDOW_MS / 1000 });
        Err(GatekeeperError::new(
            ErrorKind::RateLimited,
            "too many calls from this source: wait and try again",
        )
        .with_details(json!({ "rateLimit": limit }))
        .after(seconds))
    }
}
