//! Deletes expired rows, and corrects times that were written by a clock that was ahead.

use super::driver::params;
use super::{Failure, Rows, Tx};
use crate::store::{LastPruning, Old};

impl Old {
    /// The statement that deletes at most `$2` rows of time `$1` and before.
    fn sql(self) -> &'static str {
        match self {
            Self::PasswordFailures => {
                "DELETE FROM password_failures WHERE (address, at) IN
                    (SELECT address, at FROM password_failures WHERE at <= $1 ORDER BY at LIMIT $2)"
            }
            Self::LoginFailures => {
                "DELETE FROM login_failures WHERE (account, source) IN
                    (SELECT account, source FROM login_failures WHERE last_at <= $1 ORDER BY last_at LIMIT $2)"
            }
            Self::KnownAddresses => {
                "DELETE FROM known_sources WHERE (account, source) IN
                    (SELECT account, source FROM known_sources WHERE last_at <= $1 ORDER BY last_at LIMIT $2)"
            }
            Self::ExpiredSessions => {
                "DELETE FROM sessions WHERE id IN
                    (SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
            }
            Self::RevokedSessions => {
                "DELETE FROM sessions WHERE id IN
                    (SELECT id FROM sessions WHERE revoked_at IS NOT NULL AND revoked_at <= $1
                     ORDER BY revoked_at LIMIT $2)"
            }
            Self::Tokens => {
                "DELETE FROM one_time_tokens WHERE digest IN
                    (SELECT digest FROM one_time_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
            }
            Self::EventsOfStrangers => {
                "DELETE FROM audit_events WHERE id IN
                    (SELECT id FROM audit_events WHERE tenant_id IS NULL AND target IS NULL AND created_at <= $1
                     ORDER BY created_at LIMIT $2)"
            }
            Self::HourSums => {
                "DELETE FROM usage_sums WHERE (subject, period, starts) IN
                    (SELECT subject, period, starts FROM usage_sums WHERE period = 'hour' AND starts <= $1
                     ORDER BY starts LIMIT $2)"
            }
            Self::DaySums => {
                "DELETE FROM usage_sums WHERE (subject, period, starts) IN
                    (SELECT subject, period, starts FROM usage_sums WHERE period = 'day' AND starts <= $1
                     ORDER BY starts LIMIT $2)"
            }
        }
    }
}

impl Rows<'_> {
    /// When rows were last deleted.
    pub(crate) fn last_pruning(&self) -> Result<LastPruning, Failure> {
        let last = self.one("SELECT seen_at, boot_ms FROM pruning", &[], |row| {
            Ok(LastPruning { seen_at: row.get(0)?, boot_ms: row.get(1)? })
        })?;
        Ok(last.unwrap_or_default())
    }
}

impl Tx<'_> {
    pub(crate) fn set_last_pruning(&self, last: LastPruning) -> Result<(), Failure> {
        self.run("UPDATE pruning SET seen_at = $1, boot_ms = $2", params![last.seen_at, last.boot_ms])?;
        Ok(())
    }

    /// Deletes at most `limit` rows of time `until`, Unix ms, and before. Returns their number.
    pub(crate) fn delete_old(&self, old: Old, until: i64, limit: u32) -> Result<usize, Failure> {
        self.run(old.sql(), params![until, limit])
    }

    /// Sets times later than `now` to `now`, and the ends of sessions to at most `session_end`: a clock that was
    /// ahead wrote them. Returns the number of changed rows.
    pub(crate) fn clamp_times(&self, now: i64, session_end: i64) -> Result<usize, Failure> {
        let mut clamped = self.run(
            "UPDATE sessions SET expires_at = $1, created_at = CASE WHEN created_at > $2 THEN $2 ELSE created_at END,
                last_used_at = CASE WHEN last_used_at > $2 THEN $2 ELSE last_used_at END
             WHERE expires_at > $1",
            params![session_end, now],
        )?;
        for (sql, most) in [
            ("DELETE FROM password_failures WHERE at > $1", now),
            ("UPDATE login_failures SET last_at = $1 WHERE last_at > $1", now),
            ("UPDATE known_sources SET last_at = $1 WHERE last_at > $1", now),
            ("UPDATE sessions SET revoked_at = $1 WHERE revoked_at > $1", now),
            ("UPDATE one_time_tokens SET expires_at = $1 WHERE expires_at > $1", session_end),
            // A key signs at most a few minutes after it was published.
            ("UPDATE signing_keys SET signs_from = $1 WHERE signs_from > $1", session_end),
        ] {
            clamped += self.run(sql, params![most])?;
        }
        Ok(clamped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::driver::plan;

    #[test]
    fn old_rows_are_found_by_indexes_alone() {
        for old in Old::ALL {
            let plan = plan(old.sql());
            assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{old:?} {plan:?}");
        }
    }
}
