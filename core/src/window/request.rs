//! What is asked of a window, and what it returns.

use super::{Limit, clamp};

/// A request for room in a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The limit that applies; of several windows the longest.
    pub(crate) limit: Limit,
    /// Its other windows, the longer first: up to 3, of different durations.
    pub(crate) shorter: &'a [Limit],
    /// How much it takes: 1 to the smallest `max_req`.
    pub(crate) cost: u32,
    /// The longest duration of any window that the definition has for any role, in ms.
    pub(crate) keep_ms: u64,
}

/// The result of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acquired {
    pub(crate) admitted: bool,
    /// The window that decides: on a denial the one that denies longest, else the one with the smallest share left.
    pub(crate) limit: Limit,
    /// What is left of it after the decision.
    pub(crate) remaining: u32,
    /// On the window's clock, in ms: if admitted, when its oldest entry leaves it, the present where a peek finds none; if
    /// denied, when this request would pass.
    pub(crate) frees_at: u64,
    /// The exact wait on a denial; 0 when admitted.
    pub(crate) retry_after_ms: u64,
    /// What gives it back; none unless something was taken.
    pub(crate) permit: Option<Permit>,
}

/// An admission, as a window finds it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    /// The recorded time of its entry.
    pub(crate) recorded: u64,
    /// The retention of its slot then, in seconds.
    pub(crate) kept_s: u32,
    pub(crate) cost: u32,
}

impl Request<'_> {
    /// Recorded times are multiples of this: of the smallest grain of any window.
    pub(super) fn grain_ms(&self) -> u64 {
        self.shorter.iter().map(|limit| limit.grain_ms()).fold(self.limit.grain_ms(), u64::min)
    }

    /// How long an admission is to be kept, in seconds rounded up.
    pub(super) fn kept_s(&self) -> u32 {
        clamp(self.keep_ms.div_ceil(1000))
    }

    /// The duration of the shortest window.
    pub(super) fn shortest_ms(&self) -> u64 {
        self.shorter.last().unwrap_or(&self.limit).duration_ms()
    }
}
