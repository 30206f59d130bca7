//! For how long single usage events are kept. Their sums outlive them.

use crate::error::Result;
use crate::id::EventId;
use crate::store::{Failure, Tx};
use crate::whole::Range;

/// How long an event is kept, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention(i64);

const DAY_MS: i64 = 24 * 3_600_000;
/// How many old events go with a commit, beside twice as many as come: a backlog shrinks, and no commit is long.
const AT_LEAST: usize = 16;

/// For how many days events are kept.
pub(crate) enum RetentionDays {}

impl Range for RetentionDays {
    const MIN: i64 = 1;
    const MAX: i64 = 36_500;
    const NOTE: &'static str = ", or left out to keep events for good";
}

impl Retention {
    /// # Errors
    /// `bad_request` for no days, and for more than a hundred years of them.
    pub(crate) fn of_days(days: u32) -> Result<Self> {
        RetentionDays::check("usageRetentionDays", Some(days))?;
        Ok(Self(i64::from(days) * DAY_MS))
    }

    /// Removes some of the events that are too old at `now`, Unix ms; `added` come in the same transaction.
    pub(super) fn prune(self, tx: &Tx<'_>, now: i64, added: usize) -> Result<(), Failure> {
        let oldest = EventId::first_of(now.saturating_sub(self.0));
        tx.remove_usage_events_before(oldest, AT_LEAST + 2 * added).map(drop)
    }
}
