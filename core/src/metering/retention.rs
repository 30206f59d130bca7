//! How long usage events are kept. Their totals are kept longer.

use crate::error::Result;
use crate::id::EventId;
use crate::store::{Failure, LastPruning, Tx};
use crate::whole::Range;

/// The retention of an event, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention(i64);

const DAY_MS: i64 = 24 * 3_600_000;
/// How much further than the machine has run the clock may move between two deletions of old rows.
const MAX_STEP_MS: i64 = 2 * DAY_MS;
/// A commit deletes up to this many old events, plus twice as many as it adds: a backlog shrinks, and no commit takes
/// long.
const AT_LEAST: usize = 16;

/// The retention in days.
pub(crate) enum RetentionDays {}

impl Range for RetentionDays {
    const MIN: i64 = 1;
    const MAX: i64 = 36_500;
    const NOTE: &'static str = ", or omitted to keep events forever";
}

impl Retention {
    /// # Errors
    /// `bad_request` for 0 days, and for more than a hundred years.
    pub(crate) fn of_days(days: u32) -> Result<Self> {
        RetentionDays::check("usageRetentionDays", Some(days))?;
        Ok(Self(i64::from(days) * DAY_MS))
    }

    /// Deletes some of the events that are too old at `now`, Unix ms. `added` is the number that the transaction
    /// adds.
    pub(super) fn prune(self, tx: &Tx<'_>, now: i64, boot_ms: u64, added: usize) -> Result<(), Failure> {
        let trusted = trusted_time(tx.last_pruning()?, now, i64::try_from(boot_ms).unwrap_or(i64::MAX));
        self.delete(tx, trusted, AT_LEAST + 2 * added).map(drop)
    }

    /// Deletes at most `limit` of the events that are too old at `now`, Unix ms. Returns their number.
    pub(crate) fn delete(self, tx: &Tx<'_>, now: i64, limit: usize) -> Result<usize, Failure> {
        tx.remove_usage_events_before(EventId::first_of(now.saturating_sub(self.0)), limit)
    }
}

/// The time up to which old rows are deleted: at most two days after the previous one plus the time that the
/// machine has run since. A clock that was set far ahead does not delete everything at once, so that there is time
/// to correct it.
pub(crate) fn trusted_time(last: LastPruning, now: i64, boot_ms: i64) -> i64 {
    if last.seen_at == 0 {
        return now;
    }
    // After a reboot, the machine has run at least as long as its boot clock shows.
    let has_run = if boot_ms >= last.boot_ms { boot_ms - last.boot_ms } else { boot_ms };
    now.min(last.seen_at.saturating_add(has_run).saturating_add(MAX_STEP_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_ahead_moves_deletions_at_most_two_days_further() {
        let last = LastPruning { seen_at: 1000 * DAY_MS, boot_ms: 5 * DAY_MS };
        let after = |days: i64, running: i64| {
            trusted_time(last, last.seen_at + days * DAY_MS, running * DAY_MS) / DAY_MS - 1000
        };
        assert_eq!([after(1, 6), after(40, 45), after(400, 5), after(400, 45)], [1, 40, 2, 42]);
        assert_eq!([after(-3, 5), after(30, 0), after(30, 1)], [-3, 2, 3], "set back, and rebooted");
        assert_eq!(trusted_time(LastPruning::default(), 7 * DAY_MS, 0), 7 * DAY_MS, "the first time");
    }
}
