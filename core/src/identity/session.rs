//! How long a session lasts, and how many a user may have.

use super::token::REFRESH_MS;
use crate::error::Result;
use crate::whole::Range;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How many days a session lasts.
pub(crate) enum SessionDays {}

impl Range for SessionDays {
    const MIN: i64 = 1;
    const MAX: i64 = 3650;
}

/// How many sessions a user has.
pub(crate) enum SessionCount {}

impl Range for SessionCount {
    const MIN: i64 = 1;
    const MAX: i64 = 10_000;
}

/// The rules of a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRules {
    longest_ms: i64,
    per_user: u32,
}

impl SessionRules {
    /// # Errors
    /// `bad_request` for a number that is out of range.
    pub(crate) fn new(days: u32, per_user: u32) -> Result<Self> {
        SessionDays::check("sessionDays", Some(days))?;
        SessionCount::check("sessionsPerUser", Some(per_user))?;
        Ok(Self { longest_ms: i64::from(days) * DAY_MS, per_user })
    }

    /// How many sessions of a user there may be beside a new one.
    pub(crate) fn beside_a_new_one(self) -> u32 {
        self.per_user - 1
    }

    /// When a session ends that began at `created_at`, however often it gets new tokens.
    pub(crate) fn end(self, created_at: i64) -> i64 {
        created_at.saturating_add(self.longest_ms)
    }

    /// When it ends unless it gets new tokens after `now`.
    pub(crate) fn expiry(self, created_at: i64, now: i64) -> i64 {
        now.saturating_add_unsigned(REFRESH_MS).min(self.end(created_at))
    }
}
