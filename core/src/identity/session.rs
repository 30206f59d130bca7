//! How long a session lasts, and how many a user may have.

use super::token::REFRESH_MS;
use crate::error::{GatekeeperError, Result};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MAX_DAYS: u32 = 3650;
const MAX_PER_USER: u32 = 10_000;

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
        let check = |option: &str, number: u32, most: u32| match number {
            1.. if number <= most => Ok(()),
            _ => {
                Err(GatekeeperError::bad_request(format!("{option} must be a whole number from 1 to {most}")))
            }
        };
        check("sessionDays", days, MAX_DAYS)?;
        check("sessionsPerUser", per_user, MAX_PER_USER)?;
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
