//! Deletes expired rows, so that tables which any client can grow stay bounded.
//!
//! It runs in short transactions of a bounded number of rows each: in `serve` once an hour, in `gatekeeper prune`,
//! and in every process that writes, once an hour when the write lock is free.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Database;
use crate::error::Result;
use crate::identity::REFRESH_MS;
use crate::metering::{Retention, trusted_time};
use crate::store::{Failure, LastPruning, Old, Tx};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// How often a process deletes old rows along with its own writes, in ms.
const EVERY_MS: u64 = 60 * 60_000;
/// The earliest plausible time: 2026-01-01.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// The number of rows of one kind that a transaction deletes.
const BATCH: u32 = 1000;

/// How long rows of a kind are kept, in ms after their time.
const fn kept_ms(old: Old) -> i64 {
    match old {
        Old::PasswordFailures => MINUTE_MS,
        Old::LoginFailures => DAY_MS,
        Old::KnownAddresses => 180 * DAY_MS,
        Old::ExpiredSessions | Old::RevokedSessions => 30 * DAY_MS,
        Old::Tokens => 0,
        Old::EventsOfStrangers => 90 * DAY_MS,
        Old::HourSums => 40 * DAY_MS,
        Old::DaySums => 400 * DAY_MS,
    }
}

/// The result of [`Gatekeeper::prune`](crate::blocking::Gatekeeper::prune).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// The number of deleted rows, without those of removed tenants.
    pub rows: u64,
    /// The number of corrected times in the future, which were written by a clock that was ahead.
    pub clamped: u64,
    /// How far behind the clock the deletion stayed, in ms, because the clock has moved further than the machine
    /// has run. The next run may go two days further.
    pub held_back_ms: u64,
}

/// When this process deletes old rows next, boot clock in ms.
pub(super) struct Pruning(AtomicU64);

impl Pruning {
    /// Due at the first write.
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether pruning is due at `boot_ms`. Only one thread gets true, and the next time is `every_ms` later.
    fn is_due(&self, boot_ms: u64, every_ms: u64) -> bool {
        let next = self.0.load(Relaxed);
        let later = boot_ms.saturating_add(every_ms);
        boot_ms >= next && self.0.compare_exchange(next, later, Relaxed, Relaxed).is_ok()
    }
}

/// The result of one transaction.
#[derive(Default)]
struct Step {
    deleted: usize,
    clamped: usize,
    held_back_ms: i64,
}

impl Database {
    /// Deletes all expired rows.
    pub(crate) fn prune(&self, retention: Option<Retention>, trusts_clock: bool) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        let mut first = true;
        loop {
            let step = self.store().write(|tx| self.step(tx, retention, first, trusts_clock))?;
            pruned.rows += step.deleted as u64;
            pruned.clamped += step.clamped as u64;
            if first {
                pruned.held_back_ms = step.held_back_ms.max(0).unsigned_abs();
            }
            first = false;
            if step.deleted == 0 && !self.store().delete_removed(1)? {
                return Ok(pruned);
            }
        }
    }

    /// Deletes some expired rows along with a write of this process, if that is due and no other process is
    /// writing.
    pub(crate) fn prune_if_due(&self, retention: Option<Retention>) {
        let boot_ms = self.clock().boot_ms();
        if !self.pruning.is_due(boot_ms, EVERY_MS) {
            return;
        }
        let is_recent = |last: LastPruning| self.now().abs_diff(last.seen_at) < EVERY_MS;
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        let last = self.store().read_rows(|rows| rows.last_pruning());
        if last.is_ok_and(is_recent) {
            return;
        }
        if let Some(Err(error)) = self.store().write_if_free(|tx| self.step(tx, retention, true, false)) {
            tracing::warn!(%error, "expired rows could not be deleted yet: pruning will delete them later");
        }
        self.store().delete_removed_if_free();
    }

    /// Deletes some rows of each kind. The first of several steps advances the time up to which rows are deleted.
    fn step(
        &self,
        tx: &Tx<'_>,
        retention: Option<Retention>,
        is_first: bool,
        trusts_clock: bool,
    ) -> Result<Step, Failure> {
        let (now, boot_ms) = (self.now(), i64::try_from(self.clock().boot_ms()).unwrap_or(i64::MAX));
        let last = tx.last_pruning()?;
        if now < EARLIEST_MS {
            // A machine without a battery-backed clock starts in 1970, until the time is set.
            return Ok(Step::default());
        }
        let trusted = match (is_first, trusts_clock) {
            (true, true) => now,
            (true, false) => trusted_time(last, now, boot_ms),
            (false, _) => last.seen_at.min(now),
        };
        let mut step = Step { held_back_ms: now - trusted, ..Step::default() };
        if is_first {
            tx.set_last_pruning(LastPruning { seen_at: trusted, boot_ms })?;
            step.clamped = tx.clamp_times(now, now.saturating_add_unsigned(REFRESH_MS))?;
        }
        for old in Old::ALL {
            step.deleted += tx.delete_old(old, trusted.saturating_sub(kept_ms(old)), BATCH)?;
        }
        if let Some(retention) = retention {
            step.deleted += retention.delete(tx, trusted, BATCH as usize)?;
        }
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::database::OpenDatabase;
    use crate::verify::CacheSizes;

    /// A database in memory with rows of each kind, one for each age in ms.
    fn database_with_rows(ages: &[i64]) -> (OpenDatabase, ManualClock) {
        let clock = ManualClock::new();
        let database =
            Database::in_memory(Clock::Manual(clock.clone()), &CacheSizes { known: 9, unknown: 9 }).unwrap();
        // Opens the database.
        database.prune(None, false).unwrap();
        database.store().write(|tx| tx.set_last_pruning(LastPruning::default())).unwrap();
        for age in ages {
            let at = database.now() - age;
            let sql = format!(
                "INSERT INTO password_failures VALUES ('192.0.2.1', {at}, 1);
                 INSERT INTO login_failures VALUES (randomblob(32), 'a', 9, {at});
                 INSERT INTO known_sources VALUES (randomblob(32), 'a', {at});
                 INSERT OR IGNORE INTO users (id, email, password, created_at, updated_at)
                    VALUES ('usr_x', 'a@example.com', '', 0, 0);
                 INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
                    VALUES (hex(randomblob(9)), 'usr_x', 0, 0, {at});
                 INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, revoked_at)
                    VALUES (hex(randomblob(9)), 'usr_x', 0, 0, 9 + {at}, {at});
                 INSERT INTO one_time_tokens VALUES (randomblob(32), 'refresh', '', {at}, NULL);
                 INSERT INTO audit_events (id, actor_type, action, created_at)
                    VALUES (hex(randomblob(9)), 'anonymous', 'user.login_refused', {at});
                 INSERT INTO audit_events (id, actor_type, action, target, created_at)
                    VALUES (hex(randomblob(9)), 'anonymous', 'user.login_refused', 'usr_x', {at});
                 INSERT INTO signing_keys (id, algorithm, private_key, public_key, created_at, signs_from)
                    VALUES (hex(randomblob(9)), 'EdDSA', '', '', 0, {at});
                 INSERT INTO usage_sums VALUES ('key', 'hour', {at}, 1, 1), ('key', 'day', {at}, 1, 1),
                    ('key', 'month', {at}, 1, 1);"
            );
            database.store().run_script(&sql);
        }
        (database, clock)
    }

    /// The number of rows of each kind.
    fn counts(database: &Database) -> Vec<i64> {
        let queries = [
            "password_failures",
            "login_failures",
            "known_sources",
            "sessions",
            "one_time_tokens",
            "audit_events WHERE target IS NULL",
            "audit_events WHERE target IS NOT NULL",
            "usage_sums WHERE period = 'hour'",
            "usage_sums WHERE period = 'day'",
            "usage_sums WHERE period = 'month'",
        ];
        let count = |query| database.store().value_of(&format!("SELECT count(*) FROM {query}"));
        queries.into_iter().map(count).collect()
    }

    #[test]
    fn expired_rows_are_deleted_and_no_others() {
        let ages =
            [0, 10 * 1000, 2 * MINUTE_MS, 2 * DAY_MS, 50 * DAY_MS, 100 * DAY_MS, 200 * DAY_MS, 500 * DAY_MS];
        let (database, _) = database_with_rows(&ages);
        let before: i64 = counts(&database).iter().sum();
        let pruned = database.prune(None, false).unwrap();
        assert_eq!(counts(&database), [2, 3, 6, 8, 0, 5, 8, 4, 7, 8]);
        assert_eq!(pruned.rows, before.unsigned_abs() - counts(&database).iter().sum::<i64>().unsigned_abs());
        assert_eq!((pruned.clamped, database.prune(None, false).unwrap().rows), (0, 0));
    }

    #[test]
    fn many_rows_are_all_deleted_in_several_transactions() {
        let (database, _) = database_with_rows(&[0]);
        database.store().run_script(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 3500)
             INSERT INTO one_time_tokens SELECT randomblob(32), 'refresh', '', n, NULL FROM number",
        );
        assert_eq!(database.prune(None, false).unwrap().rows, 3501);
    }

    #[test]
    fn a_clock_set_ahead_deletes_at_most_two_days_at_once_unless_it_is_trusted() {
        let (database, _) = database_with_rows(&[300 * DAY_MS]);
        let seen_at = database.now() - 400 * DAY_MS;
        let boot_ms = database.now();
        database.store().write(|tx| tx.set_last_pruning(LastPruning { seen_at, boot_ms })).unwrap();
        let before = counts(&database);
        let pruned = database.prune(None, false).unwrap();
        assert_eq!((pruned.held_back_ms / DAY_MS.unsigned_abs(), counts(&database)), (398, before.clone()));
        let pruned = database.prune(None, true).unwrap();
        assert!(pruned.held_back_ms == 0 && pruned.rows > 0 && counts(&database) != before);
    }

    #[test]
    fn times_in_the_future_are_set_to_the_present() {
        let (database, _) = database_with_rows(&[-400 * DAY_MS]);
        let pruned = database.prune(None, false).unwrap();
        assert!(pruned.clamped >= 7, "{pruned:?}");
        let (now, week) = (database.now(), REFRESH_MS.cast_signed());
        for (column, most) in [
            ("last_at) FROM login_failures", now),
            ("last_at) FROM known_sources", now),
            ("expires_at) FROM sessions", now + week),
            ("revoked_at) FROM sessions", now),
            ("expires_at) FROM one_time_tokens", now + week),
            ("signs_from) FROM signing_keys", now + week),
        ] {
            let latest: i64 = database.store().value_of(&format!("SELECT max({column}"));
            assert_eq!(latest, most, "{column}");
        }
    }

    #[test]
    fn a_process_that_writes_prunes_once_an_hour() {
        let (database, clock) = database_with_rows(&[0, DAY_MS + 1]);
        database.prune_if_due(None);
        assert_eq!(counts(&database)[1], 1);
        clock.advance(2 * DAY_MS.unsigned_abs());
        database.prune_if_due(None);
        assert_eq!(counts(&database)[1], 0);
    }
}
