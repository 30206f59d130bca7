//! The sliding window: which calls count, what is left, when room returns. Pure; the time is passed in.
//!
//! A call at `now` is admitted if and only if the cost of everything admitted after `now − duration`, plus its own,
//! is at most `max_req`. A denial changes nothing.

mod limit;
mod log;
mod stored;

use std::cmp::max;

pub use limit::Limit;
use log::Log;

/// What one slot has admitted.
#[derive(Debug, Default)]
pub(crate) struct Window {
    log: Log,
    /// How far, in ms, the last entry's rounded time lies ahead of the newest time at which a call was admitted. Less
    /// than a grain, which is under three days.
    ahead: u32,
    /// How long entries are kept, in seconds, rounded up.
    kept_s: u32,
}

/// A request for room in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The limit in force.
    pub(crate) limit: Limit,
    /// How much it takes: 1 to `limit.max_req()`.
    pub(crate) cost: u32,
    /// How long entries are kept, in ms: the longest duration the endpoint defines for any role.
    pub(crate) keep_ms: u64,
}

/// The answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) admitted: bool,
    /// What is left after the decision.
    pub(crate) remaining: u32,
    /// On the window's clock, in ms: if admitted, when the oldest entry leaves; if denied, when this request would pass.
    pub(crate) frees_at: u64,
    /// The exact wait on a denial; 0 when admitted.
    pub(crate) retry_after_ms: u64,
}

impl Window {
    /// An empty window in which no time before `floor` exists.
    pub(crate) fn starting_at(floor: u64) -> Self {
        Self { log: Log::after(floor), ahead: 0, kept_s: 0 }
    }

    /// Admits or denies `request` at `now`, a time in ms that does not run backwards but for races.
    pub(crate) fn take(&mut self, now: u64, request: Request) -> Taken {
        let Request { limit, cost, keep_ms } = request;
        let held_now = max(now, self.newest());
        let outside = |time: u64, duration: u64| time.saturating_add(duration) <= held_now;

        let expired = self.log.prefix(|time| outside(time, limit.duration_ms()));
        let used = self.log.cost() - expired.cost;
        let max_req = u64::from(limit.max_req());

        if used + u64::from(cost) > max_req {
            let excess = used + u64::from(cost) - max_req;
            let frees_at = self.log.time_by_which(excess, &expired).saturating_add(limit.duration_ms());
            return Taken {
                admitted: false,
                remaining: clamp(max_req.saturating_sub(used)),
                frees_at,
                retry_after_ms: frees_at.saturating_sub(held_now),
            };
        }

        self.log.drop_prefix(|time| outside(time, keep_ms));
        self.log.insert(limit.round_up(held_now), cost);
        self.ahead = clamp(self.log.last() - held_now);
        self.kept_s = max(self.kept_s, clamp(keep_ms.div_ceil(1000)));
        let frees_at = self.log.oldest(|time| !outside(time, limit.duration_ms()));
        Taken {
            admitted: true,
            remaining: clamp(max_req - used - u64::from(cost)),
            frees_at: frees_at.saturating_add(limit.duration_ms()),
            retry_after_ms: 0,
        }
    }

    /// From when on nothing is left in any window it was taken from: up to a second after the last entry leaves.
    pub(crate) fn ends_at(&self) -> u64 {
        stored::ends_at(self.log.last(), self.kept_s)
    }

    /// The newest unrounded time at which a call was admitted: time in a slot never runs backwards.
    fn newest(&self) -> u64 {
        self.log.last() - u64::from(self.ahead)
    }

    /// How many entries the log holds.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        self.log.len()
    }
}

/// What is left of a `u32` limit fits a `u32`.
fn clamp(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
