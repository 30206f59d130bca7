//! The lifetime of sessions, and the maximum number of a user's sessions.

use super::token::REFRESH_MS;
use crate::error::Result;
use crate::whole::Range;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The maximum lifetime of a session, in days.
pub(crate) enum SessionDays {}

impl Range for SessionDays {
    const MIN: i64 = 1;
    const MAX: i64 = 3650;
}

/// The maximum number of a user's sessions.
pub(crate) enum SessionCount {}

impl Range for SessionCount {
    const MIN: i64 = 1;
    const MAX: i64 = 10_000;
}

/// The session rules of a database.
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

    /// The maximum number of a user's sessions before one is added.
    pub(crate) fn beside_a_new_one(self) -> u32 {
        self.per_user - 1
    }

    /// When a session that began at `created_at` ends, however often it gets new tokens.
    pub(crate) fn end(self, created_at: i64) -> i64 {
        created_at.saturating_add(self.longest_ms)
    }

    /// When the session ends unless it gets new tokens after `now`.
    pub(crate) fn expiry(self, created_at: i64, now: i64) -> i64 {
        now.saturating_add_unsigned(REFRESH_MS).min(self.end(created_at))
    }
}
