//! The sliding window of a slot: which requests are admitted, how many are left, and when one is possible again. It
//! is pure: the time is passed in.
//!
//! One log serves any number of windows and definitions. A request at `now` is admitted if and only if, for each of
//! its windows, the cost of everything admitted after `now − duration`, plus its own, is at most `max_req`. A
//! denial changes nothing.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod limit;
mod log;
mod marks;
#[cfg(any(test, fuzzing))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a model for tests")]
mod reference;
mod request;
mod stored;

use std::cmp::{max, min};

pub use limit::Limit;
use log::Log;
use marks::Marks;
pub(crate) use request::{Acquired, Permit, Request};

/// The admissions of one slot.
#[derive(Debug, Default)]
pub(crate) struct Window {
    log: Log,
    /// How long entries are kept, and the time of the newest admission relative to the last entry.
    marks: Marks,
}

/// A window that has room for a request.
struct Room {
    limit: Limit,
    /// What is left of the window.
    left: u64,
    /// The time of the oldest entry in the window; `u64::MAX` if there is none.
    oldest: u64,
}

/// A window that has no room for a request.
struct Denial {
    limit: Limit,
    used: u64,
    /// When the request would be admitted.
    frees_at: u64,
}

impl Window {
    /// An empty window that treats any time before `floor` as `floor`.
    pub(crate) fn starting_at(floor: u64) -> Self {
        Self { log: Log::after(floor), marks: Marks::default() }
    }

    /// Admits or denies `request` at `now`, a time in ms that only runs backwards by races between threads.
    #[inline]
    pub(crate) fn acquire(&mut self, now: u64, request: &Request<'_>) -> Acquired {
        let now = max(now, self.newest());
        let is_empty = self.is_empty(now);
        let Room { limit, left, oldest } = match self.decide(now, is_empty, request, request.cost) {
            Ok(room) => room,
            Err(denial) => return denial.at(now),
        };
        let grain_ms = request.grain_ms();
        let recorded =
            if grain_ms == 1 { now } else { now.checked_next_multiple_of(grain_ms).unwrap_or(u64::MAX) };

        let mut kept_s = request.kept_s();
        if is_empty {
            self.log.clear();
        } else {
            kept_s = max(kept_s, self.marks.kept_s());
            self.log.drop_before(kept_from(now, kept_s));
        }
        self.log.insert(recorded, request.cost);
        let oldest = if self.log.merge(now, request.shortest_ms()) {
            self.log.prefix(limit.begins_at(now)).next_time
        } else {
            min(oldest, recorded)
        };
        self.marks = Marks::new(kept_s, now, self.log.last());
        Acquired {
            admitted: true,
            limit,
            remaining: clamp(left),
            frees_at: oldest.saturating_add(limit.duration_ms()),
            frees_in_ms: oldest.saturating_add(limit.duration_ms()).saturating_sub(now),
            permit: Some(Permit { recorded, kept_s, cost: request.cost }),
        }
    }

    /// The decision of [`acquire`](Self::acquire) for `request` at `now`, with what is left before its cost is
    /// subtracted. Changes nothing.
    pub(crate) fn peek(&self, now: u64, request: &Request<'_>) -> Acquired {
        let now = max(now, self.newest());
        match self.decide(now, self.is_empty(now), request, 0) {
            Ok(Room { limit, left, oldest }) => Acquired {
                admitted: true,
                limit,
                remaining: clamp(left),
                frees_at: if oldest < u64::MAX { oldest.saturating_add(limit.duration_ms()) } else { now },
                frees_in_ms: oldest.checked_add(limit.duration_ms()).map_or(0, |at| at.saturating_sub(now)),
                permit: None,
            },
            Err(denial) => denial.at(now),
        }
    }

    /// Refunds up to `cost` of a permit. Returns how much was refunded: 0 if its entry is gone.
    pub(crate) fn refund(&mut self, now: u64, permit: &Permit, cost: u32) -> u32 {
        let newest = self.newest();
        let now = max(now, newest);
        if self.is_empty(now) || kept_until(permit.recorded, permit.kept_s) <= now {
            return 0;
        }
        let refunded = self.log.refund(permit.recorded, cost);
        self.marks = Marks::new(self.marks.kept_s(), newest, self.log.last());
        refunded
    }

    /// The time from which the window is empty, because its newest entry has expired. 0 if everything was refunded.
    pub(crate) fn ends_at(&self) -> u64 {
        if self.log.is_empty() { 0 } else { kept_until(self.log.last(), self.marks.kept_s()) }
    }

    /// The newest unrounded time of an admission: the time of a slot never runs backwards.
    pub(crate) fn newest(&self) -> u64 {
        self.marks.newest(self.log.last())
    }

    #[inline]
    fn is_empty(&self, now: u64) -> bool {
        self.log.is_empty() || self.log.last() < kept_from(now, self.marks.kept_s())
    }

    /// The window that decides. `taken` of the cost counts as used in what is left of it. For a denial it is the
    /// window that denies longest, otherwise the one with the smallest share left.
    #[inline]
    fn decide(&self, now: u64, is_empty: bool, request: &Request<'_>, taken: u32) -> Result<Room, Denial> {
        let mut decides = self.evaluate(now, is_empty, request.limit, request.cost, taken);
        for limit in request.shorter {
            let next = self.evaluate(now, is_empty, *limit, request.cost, taken);
            // Of equal windows the longer one decides, which comes first.
            let replaces = match (&next, &decides) {
                (Ok(next), Ok(best)) => next.is_tighter_than(best),
                (Err(next), Err(longest)) => next.frees_at > longest.frees_at,
                (next, _) => next.is_err(),
            };
            if replaces {
                decides = next;
            }
        }
        decides
    }

    #[inline]
    fn evaluate(
        &self,
        now: u64,
        is_empty: bool,
        limit: Limit,
        cost: u32,
        taken: u32,
    ) -> Result<Room, Denial> {
        let (cost, max_req) = (u64::from(cost), u64::from(limit.max_req()));
        if is_empty {
            return Ok(Room { limit, left: max_req.saturating_sub(u64::from(taken)), oldest: u64::MAX });
        }
        let over = self.log.prefix(limit.begins_at(now));
        let used = self.log.cost() - over.cost;
        if used + cost > max_req {
            let frees_at = self.log.time_by_which(used + cost - max_req, &over);
            return Err(Denial { limit, used, frees_at: frees_at.saturating_add(limit.duration_ms()) });
        }
        Ok(Room { limit, left: max_req - used - u64::from(taken), oldest: over.next_time })
    }

    /// The number of entries in the log.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn entries(&self) -> usize {
        self.log.len()
    }
}

impl Room {
    /// Whether the share left is smaller, compared exactly.
    fn is_tighter_than(&self, other: &Self) -> bool {
        self.left * u64::from(other.limit.max_req()) < other.left * u64::from(self.limit.max_req())
    }
}

impl Denial {
    fn at(self, now: u64) -> Acquired {
        Acquired {
            admitted: false,
            limit: self.limit,
            remaining: clamp(u64::from(self.limit.max_req()).saturating_sub(self.used)),
            frees_at: self.frees_at,
            frees_in_ms: self.frees_at.saturating_sub(now),
            permit: None,
        }
    }
}

/// The time until which an entry of `time` is kept, for `kept_s` seconds.
fn kept_until(time: u64, kept_s: u32) -> u64 {
    time.saturating_add(u64::from(kept_s) * 1000)
}

/// The time from which entries are still kept at `now`, for `kept_s` seconds.
fn kept_from(now: u64, kept_s: u32) -> u64 {
    now.saturating_sub((u64::from(kept_s) * 1000).saturating_sub(1))
}

/// What is left of a `u32` limit fits a `u32`.
fn clamp(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
