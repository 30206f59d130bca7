//! The requests to a window, and their results.

use super::{Limit, clamp};

/// A request for permits of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The limit that applies; of several windows the longest one.
    pub(crate) limit: Limit,
    /// The other windows, longest first: up to 3, of different durations.
    pub(crate) shorter: &'a [Limit],
    /// The number of permits: 1 to the smallest `max_req`.
    pub(crate) cost: u32,
    /// The longest duration of any window that the definition has for any role, in ms.
    pub(crate) keep_ms: u64,
}

/// The result of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acquired {
    pub(crate) admitted: bool,
    /// The window that decides: for a denial the one that denies longest, otherwise the one with the smallest share
    /// left.
    pub(crate) limit: Limit,
    /// What is left of that window after the decision.
    pub(crate) remaining: u32,
    /// A time on the window's clock, in ms. If admitted, when the window's oldest entry leaves it, or now if a peek
    /// finds none; if denied, when this request would be admitted.
    pub(crate) frees_at: u64,
    /// The time from the decision until `frees_at`, in ms. The decision can be later than the time that its caller read.
    pub(crate) frees_in_ms: u64,
    /// The permit, which can be refunded; none if nothing was consumed.
    pub(crate) permit: Option<Permit>,
}

/// A permit: identifies an admission in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    /// The recorded time of its entry.
    pub(crate) recorded: u64,
    /// The retention of the slot at that time, in seconds.
    pub(crate) kept_s: u32,
    pub(crate) cost: u32,
}

impl Acquired {
    /// The exact wait after a denial, in ms; 0 if admitted.
    pub(crate) fn retry_after_ms(&self) -> u64 {
        if self.admitted { 0 } else { self.frees_in_ms }
    }
}

impl Request<'_> {
    /// The resolution of recorded times: the smallest grain of the windows.
    pub(super) fn grain_ms(&self) -> u64 {
        self.shorter.iter().map(|limit| limit.grain_ms()).fold(self.limit.grain_ms(), u64::min)
    }

    /// How long an admission is kept, in seconds rounded up.
    pub(super) fn kept_s(&self) -> u32 {
        clamp(self.keep_ms.div_ceil(1000))
    }

    /// The duration of the shortest window.
    pub(super) fn shortest_ms(&self) -> u64 {
        self.shorter.last().unwrap_or(&self.limit).duration_ms()
    }
}
