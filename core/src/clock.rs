//! Clocks. Only this module reads the time, so that tests can control it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The clock of windows: it counts while the machine sleeps, and cannot be set.
#[cfg(any(target_os = "linux", target_os = "android"))]
const BOOT: ClockId = ClockId::Boottime;
/// On macOS `CLOCK_MONOTONIC` counts while the machine sleeps (`clock_gettime(3)`).
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BOOT: ClockId = ClockId::Monotonic;

/// The source of the engine's time.
#[derive(Clone, Default)]
pub enum Clock {
    /// The machine's clocks.
    #[default]
    System,
    /// A clock that only moves when it is advanced, for tests with `memory:`.
    Manual(ManualClock),
}

/// A clock that only moves when [`advance`](Self::advance) is called. Clones share one time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    wall_ms: Arc<AtomicU64>,
    last_tick: Arc<AtomicU64>,
}

/// The last tick of the machine's clock in this process.
static LAST_TICK: AtomicU64 = AtomicU64::new(0);
/// The number of ticks per millisecond.
const TICKS_PER_MS: u64 = 1 << 12;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// The boot clock in milliseconds: for windows.
    pub(crate) boot_ms: u64,
    /// Unix milliseconds: for `reset` and expiry.
    pub(crate) wall_ms: u64,
}

impl Clock {
    /// Unix milliseconds.
    pub(crate) fn wall_ms(&self) -> u64 {
        match self {
            Self::System => read(ClockId::Realtime),
            Self::Manual(clock) => clock.wall_ms.load(Relaxed),
        }
    }

    /// Unix milliseconds, as records store them.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        i64::try_from(self.wall_ms()).unwrap_or(i64::MAX)
    }

    /// A time in units of 1/4096 ms that is later than every earlier result in this process: the Unix time, or the
    /// next tick if that has not moved.
    pub(crate) fn tick(&self) -> u64 {
        let last = match self {
            Self::System => &LAST_TICK,
            Self::Manual(clock) => &clock.last_tick,
        };
        let now = (self.wall_ms() & ((1 << 48) - 1)) * TICKS_PER_MS;
        let next = |last: u64| Some(now.max(last + 1));
        // The closure always returns a value, so the update cannot fail.
        last.fetch_update(Relaxed, Relaxed, next).map_or(now, |last| now.max(last + 1))
    }

    /// Milliseconds of the boot clock.
    pub(crate) fn boot_ms(&self) -> u64 {
        match self {
            Self::System => read(BOOT),
            Self::Manual(clock) => clock.wall_ms.load(Relaxed),
        }
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => Now::read(),
            Self::Manual(clock) => {
                let wall_ms = clock.wall_ms.load(Relaxed);
                Now { boot_ms: wall_ms, wall_ms }
            }
        }
    }
}

thread_local! {
    /// The last reading of this thread.
    static LAST: Cell<Now> = const { Cell::new(Now { boot_ms: u64::MAX, wall_ms: 0 }) };
}

impl Now {
    /// Reads the machine's clocks. A thread reads the wall clock only once per millisecond of the boot clock,
    /// because reading a clock takes about a tenth of a verification.
    fn read() -> Self {
        let boot_ms = read(BOOT);
        let last = LAST.get();
        if last.boot_ms == boot_ms {
            return last;
        }
        let now = Self { boot_ms, wall_ms: read(ClockId::Realtime) };
        LAST.set(now);
        now
    }
}

impl ManualClock {
    /// A clock that starts at the current time.
    #[must_use]
    pub fn new() -> Self {
        Self { wall_ms: Arc::new(AtomicU64::new(read(ClockId::Realtime))), last_tick: Arc::default() }
    }

    /// A clock that is independent from now on, as after a step of the machine's clock.
    #[cfg(test)]
    pub(crate) fn stepping(&self) -> Self {
        Self { wall_ms: Arc::new(AtomicU64::new(self.wall_ms.load(Relaxed))), ..self.clone() }
    }

    /// Moves the time forward by `ms` milliseconds, at most to `u64::MAX`.
    pub fn advance(&self, ms: u64) {
        // The closure always returns a value, so the update cannot fail.
        let _ = self.wall_ms.fetch_update(Relaxed, Relaxed, |now| Some(now.saturating_add(ms)));
    }

    /// Moves the time forward by a duration, rounded down to milliseconds.
    pub fn advance_by(&self, duration: Duration) {
        self.advance(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Manual(_) => "Manual",
        })
    }
}

#[allow(clippy::disallowed_methods, reason = "the only function that reads a clock")]
fn read(id: ClockId) -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(id);
    // A time before 1970 counts as 1970.
    u64::try_from(tv_sec).unwrap_or(0) * 1000 + u64::try_from(tv_nsec).unwrap_or(0) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_advanced() {
        let hand = ManualClock::new();
        let clock = Clock::Manual(hand.clone());
        let before = clock.now();
        hand.advance(1500);
        let after = clock.now();
        assert_eq!(after.wall_ms - before.wall_ms, 1500);
        assert_eq!(after.boot_ms - before.boot_ms, 1500);
        hand.advance_by(Duration::from_micros(2_999));
        assert_eq!(clock.now().wall_ms - after.wall_ms, 2);
        hand.advance(u64::MAX);
        assert_eq!(clock.wall_ms(), u64::MAX);
    }

    #[test]
    fn a_tick_is_later_than_all_earlier_ones_even_when_the_time_does_not_move() {
        for clock in [Clock::System, Clock::Manual(ManualClock::new())] {
            let ticks: Vec<u64> = (0..10_000).map(|_| clock.tick()).collect();
            assert!(ticks.is_sorted_by(|one, next| one < next));
            assert!(ticks[9_999] / TICKS_PER_MS <= clock.wall_ms() + 3);
        }
    }

    #[test]
    fn a_reading_of_both_clocks_is_never_older_than_a_millisecond() {
        let clock = Clock::System;
        for _ in 0..10_000 {
            // A change of the wall clock is seen from the next millisecond of the boot clock on.
            let (before, now, after) = (clock.wall_ms(), clock.now(), clock.wall_ms());
            assert!((before - 1..=after).contains(&now.wall_ms), "{before} {now:?} {after}");
        }
    }

    #[test]
    fn the_boot_clock_never_steps_back() {
        let mut last = Clock::System.now().boot_ms;
        for _ in 0..10_000 {
            let now = Clock::System.now().boot_ms;
            assert!(now >= last);
            last = now;
        }
    }
}
