//! Throttles: limits on public calls by client address.

use serde_json::json;

use super::Settings;
use crate::database::Database;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::store::PasswordFailures;
use crate::whole::Range;
use crate::window::Limit;

/// The window of every throttle, in ms.
pub(super) const WINDOW_MS: u64 = 60_000;

/// The calls that are limited per client address and minute; [`Options`](crate::Options) has the limits. A call
/// without a client address is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// Creating accounts.
    Signup,
    /// Exchanging refresh tokens.
    Refresh,
    /// Sending invalid API keys.
    Key,
}

/// The limit of each throttle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttles {
    signup: Limit,
    refresh: Limit,
    key: Limit,
    password: Limit,
}

/// The limit of a throttle: a number per minute.
pub(crate) enum PerMinute {}

impl Range for PerMinute {
    const MIN: i64 = 1;
    const MAX: i64 = u32::MAX as i64;
}

impl Throttles {
    /// The limits, each per minute and at least 1.
    ///
    /// # Errors
    /// `bad_request`; the message names the option.
    pub(crate) fn new(signups: u32, refreshes: u32, wrong_keys: u32, wrong_passwords: u32) -> Result<Self> {
        let limit = |option: &str, most: u32| {
            PerMinute::check(option, Some(most))?;
            Limit::new(most, WINDOW_MS)
        };
        Ok(Self {
            signup: limit("signupsPerMinute", signups)?,
            refresh: limit("refreshesPerMinute", refreshes)?,
            key: limit("wrongKeysPerMinute", wrong_keys)?,
            password: limit("wrongPasswordsPerMinute", wrong_passwords)?,
        })
    }

    /// The maximum number of wrong passwords from one client address.
    pub(super) fn wrong_passwords(&self) -> Limit {
        self.password
    }

    fn of(&self, throttle: Throttle) -> Limit {
        match throttle {
            Throttle::Signup => self.signup,
            Throttle::Refresh => self.refresh,
            Throttle::Key => self.key,
        }
    }
}

impl Throttle {
    /// The name of the throttle. Each throttle is counted separately.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Refresh => "refresh",
            Self::Key => "key",
        }
    }

    /// Counts a call from `client_address` if its credential was invalid.
    ///
    /// # Errors
    /// Those of `found`, and of [`consume`](Self::consume).
    pub(super) fn consume_rejected<T>(
        self,
        database: &Database,
        settings: &Settings,
        client_address: Option<&str>,
        found: Result<T>,
    ) -> Result<T> {
        match found {
            Err(error) if error.kind() == ErrorKind::CredentialInvalid => {
                self.consume(database, settings, client_address)?;
                Err(error)
            }
            found => found,
        }
    }

    /// Counts a call from `client_address`.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait; `service_unavailable` if the counters cannot be reached.
    pub(super) fn consume(
        self,
        database: &Database,
        settings: &Settings,
        client_address: Option<&str>,
    ) -> Result<()> {
        let Some(client_address) = client_address else { return Ok(()) };
        let limit = settings.throttles.of(self);
        let taken = database.engine().acquire_unkeyed(self.name(), client_address, limit)?;
        if taken.admitted {
            return Ok(());
        }
        let message = "too many requests from this client address: wait and try again";
        Err(too_many(self.name(), message, limit, taken.retry_after_ms()))
    }
}

/// The error for a client address that has to wait.
pub(super) fn too_many(name: &str, message: &str, limit: Limit, retry_after_ms: u64) -> GatekeeperError {
    let seconds = u32::try_from(retry_after_ms.div_ceil(1000)).unwrap_or(u32::MAX);
    let limit = json!({ "name": name, "total": limit.max_req(), "windowSeconds": WINDOW_MS / 1000 });
    GatekeeperError::new(ErrorKind::RateLimited, message)
        .with_details(json!({ "rateLimit": limit }))
        .after(seconds)
}

/// How long a client address with these failures, oldest first, has to wait; none if one more is within the limit.
pub(super) fn retry_after_ms(failures: &[PasswordFailures], limit: Limit, now: i64) -> Option<u64> {
    let mut newer: u64 = failures.iter().map(|failure| u64::from(failure.count)).sum();
    let mut until = None;
    for failure in failures {
        if newer < u64::from(limit.max_req()) {
            break;
        }
        newer -= u64::from(failure.count);
        until = Some(failure.at.saturating_add_unsigned(limit.duration_ms()));
    }
    until.map(|until| until.saturating_sub(now).max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_address_waits_until_it_is_within_its_limit_again() {
        let limit = |max| Limit::new(max, WINDOW_MS).unwrap();
        let failures: Vec<_> =
            [(0, 2), (10_000, 1), (20_000, 3)].map(|(at, count)| PasswordFailures { at, count }).into();
        assert_eq!(retry_after_ms(&failures, limit(7), 30_000), None);
        assert_eq!(retry_after_ms(&failures, limit(6), 30_000), Some(30_000));
        assert_eq!(retry_after_ms(&failures, limit(4), 30_000), Some(40_000));
        assert_eq!(retry_after_ms(&failures, limit(1), 30_000), Some(50_000));
        assert_eq!(retry_after_ms(&[], limit(1), 30_000), None);
    }
}
