//! The deadline of a call: how long it waits in total for locks, disks and other processes.
//!
//! While a call runs, its deadline is stored per thread, because SQLite's busy handler is a plain function without
//! a context. Every wait consists of short steps. Each step checks the deadline, and whether a fork is pending. For
//! a fork, the wait is given up, the locks around it are released, and the call tries again afterwards with the
//! time that is left.

mod timed_mutex;

use std::cell::Cell;
use std::thread::{sleep, yield_now};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::GatekeeperError;
use crate::fork;
pub(crate) use timed_mutex::TimedMutex;

/// How long a call waits in total, from its arrival on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

const SHORT: Duration = Duration::from_micros(100);
const LONG: Duration = Duration::from_millis(1);
const YIELDS: i32 = 50;
const SHORT_STEPS: i32 = 1000;

/// The time at which a call gives up waiting. For SDKs and servers, whose calls may queue for a thread.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// On the boot clock, in ms.
    at_ms: u64,
}

/// The call that a thread is running.
#[derive(Clone, Copy)]
struct Call {
    deadline: Deadline,
    stage: Stage,
}

/// The stage of a call's current attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No attempt: the call holds no lock.
    Outside,
    /// It acquires what it needs, and gives up for a fork.
    Attempt,
    /// It has given up for a fork.
    Interrupted,
    /// It has acquired everything and runs to its end: a fork waits for that.
    Run,
}

thread_local! {
    static CALL: Cell<Option<Call>> = const { Cell::new(None) };
}

/// A wait was given up: the deadline has passed, or a fork is pending.
#[derive(Debug)]
pub(crate) struct GaveUp;

impl GaveUp {
    /// The error of a call that gave up waiting for `what`, which a `holder` keeps locked.
    pub(crate) fn explain(what: &str, holder: &str) -> GatekeeperError {
        let seconds = PATIENCE.as_secs();
        GatekeeperError::unavailable(format!(
            "{what} has been locked for {seconds} s: end the {holder} that holds it, then try again"
        ))
    }
}

impl Deadline {
    /// The deadline of a call that arrives now.
    #[must_use]
    pub fn from_now() -> Self {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        Self { at_ms: Clock::System.boot_ms().saturating_add(patience) }
    }

    /// The time that is left.
    #[must_use]
    pub fn remaining(self) -> Duration {
        Duration::from_millis(self.at_ms.saturating_sub(Clock::System.boot_ms()))
    }

    /// Runs a call, or a part of one, on this thread. Within another call, that call's deadline applies.
    pub fn run<T>(self, call: impl FnOnce() -> T) -> T {
        let before = CALL.get();
        let _restored = Restored(before);
        CALL.set(before.or(Some(Call { deadline: self, stage: Stage::Outside })));
        call()
    }
}

/// Restores the thread's previous call, also after a panic.
struct Restored(Option<Call>);

impl Drop for Restored {
    fn drop(&mut self) {
        // A thread that is ending has nothing to restore.
        let _ = CALL.try_with(|current| current.set(self.0));
    }
}

/// Runs a call that arrives now, unless it is part of another call.
pub(crate) fn call<T>(run: impl FnOnce() -> T) -> T {
    match CALL.get() {
        Some(_) => run(),
        None => Deadline::from_now().run(run),
    }
}

/// Runs `attempt`, again if a fork has interrupted a wait in it. An attempt must hold no lock when it returns, and
/// must have changed nothing if it gave up a wait. Within another attempt, which may hold locks, the outer one runs
/// again.
pub(crate) fn uninterrupted<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    call(|| {
        let Some(outer) = CALL.get().filter(|call| call.stage == Stage::Outside) else { return attempt() };
        let _restored = Restored(Some(outer));
        loop {
            set_stage(Stage::Attempt);
            let outcome = attempt();
            if outcome.is_ok() || stage() != Some(Stage::Interrupted) {
                return outcome;
            }
            fork::wait_until_done();
        }
    })
}

/// Ends the waiting phase of an attempt: failures from now on do not run it again.
pub(crate) fn wait_is_over() {
    set_stage(Stage::Run);
}

/// Waits one step, after `steps` of them. Returns whether to try again. Steps are short, so that several processes
/// get their turn: SQLite's own handler sleeps increasingly long, and lets one writer starve the others for
/// seconds.
pub(crate) fn wait(steps: i32) -> bool {
    pause_for(pause_of(steps)).is_ok()
}

/// Waits one step, after `steps` of them, without checking the deadline. The caller bounds the number of steps.
pub(crate) fn step(steps: i32) {
    pause(pause_of(steps));
}

fn pause_of(steps: i32) -> Duration {
    match steps {
        ..YIELDS => Duration::ZERO,
        YIELDS..SHORT_STEPS => SHORT,
        _ => LONG,
    }
}

/// Waits for `most`, or until the deadline.
pub(crate) fn pause_for(most: Duration) -> Result<(), GaveUp> {
    let left = remaining()?;
    pause(most.min(left));
    Ok(())
}

fn pause(time: Duration) {
    if time.is_zero() {
        yield_now();
    } else {
        sleep(time);
    }
}

/// The time that is left for a wait that no fork depends on.
pub(crate) fn left() -> Duration {
    CALL.get().map_or(PATIENCE, |call| call.deadline.remaining())
}

/// Whether a fork is pending that must go before this thread's next step.
fn fork_comes_first() -> bool {
    fork::is_pending() && stage() != Some(Stage::Run)
}

/// The time that is left.
fn remaining() -> Result<Duration, GaveUp> {
    if fork_comes_first() {
        set_stage(Stage::Interrupted);
        return Err(GaveUp);
    }
    // Outside of calls, nothing waits.
    match CALL.get().ok_or(GaveUp)?.deadline.remaining() {
        Duration::ZERO => Err(GaveUp),
        left => Ok(left),
    }
}

fn stage() -> Option<Stage> {
    CALL.get().map(|call| call.stage)
}

fn set_stage(stage: Stage) {
    CALL.set(CALL.get().map(|call| Call { stage, ..call }));
}

#[cfg(test)]
mod tests;
