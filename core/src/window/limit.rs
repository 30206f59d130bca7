//! A limit: at most a number of requests in a duration.

use std::time::Duration;

use serde::Serialize;

use crate::error::{GatekeeperError, Result};

/// Up to this `max_req` the log is exact to the millisecond.
const EXACT_UP_TO: u32 = 128;

/// A limit: at most `max_req` requests in any `duration_ms` milliseconds.
///
/// ```
/// let limit = gatekeeper::Limit::new(10, 60_000)?;
/// assert_eq!((limit.max_req(), limit.duration_ms()), (10, 60_000));
/// assert_eq!(limit, gatekeeper::Limit::per(10, std::time::Duration::from_secs(60))?);
/// assert_eq!(limit, "10/minute".parse::<gatekeeper::Limit>()?);
/// assert!(gatekeeper::Limit::new(0, 60_000).is_err());
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    #[serde(rename = "maxReq")]
    max_req: u32,
    #[serde(rename = "duration")]
    duration_ms: u64,
}

impl Limit {
    /// The longest duration: 366 days.
    pub const MAX_DURATION_MS: u64 = 366 * 24 * 60 * 60 * 1000;

    /// A limit of `max_req` requests, 1 to 2³²−1, in `duration_ms` milliseconds, 1 to 366 days.
    ///
    /// # Errors
    /// `bad_request` if one of them is out of range; the message names it.
    pub fn new(max_req: u32, duration_ms: u64) -> Result<Self> {
        if max_req == 0 {
            return Err(GatekeeperError::bad_request("maxReq must be a whole number from 1 to 4294967295"));
        }
        if duration_ms == 0 || duration_ms > Self::MAX_DURATION_MS {
            let most = Self::MAX_DURATION_MS;
            return Err(GatekeeperError::bad_request(format!(
                "duration must be a whole number of milliseconds from 1 to {most} (366 days)"
            )));
        }
        Ok(Self { max_req, duration_ms })
    }

    /// A limit of `max_req` requests, 1 to 2³²−1, in a duration of whole milliseconds, 1 ms to 366 days.
    ///
    /// # Errors
    /// `bad_request` if one of them is out of range; the message names it.
    pub fn per(max_req: u32, duration: Duration) -> Result<Self> {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        // A fraction of a millisecond is rejected as 0 is.
        Self::new(max_req, if duration.subsec_nanos().is_multiple_of(1_000_000) { ms } else { 0 })
    }

    /// The maximum number of requests in the window.
    #[must_use]
    pub const fn max_req(self) -> u32 {
        self.max_req
    }

    /// The length of the window in milliseconds.
    #[must_use]
    pub const fn duration_ms(self) -> u64 {
        self.duration_ms
    }

    /// The length of the window.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.duration_ms)
    }

    /// The earliest time that is inside the window at `now`.
    pub(super) fn begins_at(self, now: u64) -> u64 {
        now.saturating_sub(self.duration_ms - 1)
    }

    /// The resolution of recorded times, which are rounded up: that never admits too many, and keeps a large
    /// limit's log short.
    pub(super) fn grain_ms(self) -> u64 {
        if self.max_req <= EXACT_UP_TO { 1 } else { self.duration_ms.div_ceil(u64::from(EXACT_UP_TO)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_per_duration_has_the_same_range_as_one_in_milliseconds() {
        for ms in [1, 60_000, Limit::MAX_DURATION_MS] {
            let limit = Limit::per(5, Duration::from_millis(ms)).unwrap();
            assert_eq!(limit, Limit::new(5, ms).unwrap());
            assert_eq!(limit.duration(), Duration::from_millis(ms));
        }
        let fraction = Duration::from_micros(1500);
        for wrong in
            [Duration::ZERO, fraction, Duration::from_millis(Limit::MAX_DURATION_MS + 1), Duration::MAX]
        {
            let error = Limit::per(5, wrong).unwrap_err();
            assert!(
                error.message().starts_with("duration must be a whole number of milliseconds"),
                "{wrong:?}"
            );
        }
        assert!(Limit::per(0, Duration::from_secs(1)).unwrap_err().message().starts_with("maxReq"));
    }
}
