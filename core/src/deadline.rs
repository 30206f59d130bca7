//! How long a call waits for others: one deadline from its arrival, whatever it waits for and however often.
//!
//! While a call runs, its deadline is that of its thread: SQLite's busy handler is a bare function, and is given nothing
//! else. Every wait is made of short steps. Each looks at the deadline, and at whether a fork is pending: then the wait is
//! given up, the locks around it are released, and it is taken up again after the fork, with the time that is left.

mod timed_mutex;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::thread::{sleep, yield_now};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::GatekeeperError;
use crate::fork;
pub(crate) use timed_mutex::TimedMutex;

/// How long a call waits for others before it gives up, from its arrival on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

const SHORT: Duration = Duration::from_micros(100);
const LONG: Duration = Duration::from_millis(1);
const YIELDS: i32 = 50;
const SHORT_STEPS: i32 = 1000;

/// When a call gives up waiting. For SDKs and servers, whose calls arrive before a thread has time for them.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// On the boot clock.
    at_ms: u64,
}

/// The call that a thread is running.
#[derive(Clone, Copy)]
struct Call {
    deadline: Deadline,
    stage: Stage,
}

/// How far a call has come with what it does now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It holds no lock.
    Outside,
    /// It attempts to get what it needs, and gives that up for a fork.
    Attempt,
    /// So it did.
    Interrupted,
    /// It has what it needs, and goes on to its end: a fork waits for that.
    Run,
}

thread_local! {
    static CALL: Cell<Option<Call>> = const { Cell::new(None) };
}

/// A wait was given up: the deadline has passed, or a fork is pending.
#[derive(Debug)]
pub(crate) struct GaveUp;

impl GaveUp {
    /// The error of a call that could not wait for `what` any longer, which a `holder` keeps locked.
    pub(crate) fn explain(what: &str, holder: &str) -> GatekeeperError {
        let seconds = PATIENCE.as_secs();
        GatekeeperError::unavailable(format!(
            "{what} has been locked for {seconds} s: end the {holder} that holds it, then try again"
        ))
    }
}

impl Deadline {
    /// That of a call that arrives now.
    #[must_use]
    pub fn from_now() -> Self {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        Self { at_ms: Clock::System.boot_ms().saturating_add(patience) }
    }

    /// How much of it is left.
    #[must_use]
    pub fn remaining(self) -> Duration {
        Duration::from_millis(self.at_ms.saturating_sub(Clock::System.boot_ms()))
    }

    /// Runs the call, or a part of it, on this thread. Inside of another call, that one's deadline holds.
    pub fn run<T>(self, call: impl FnOnce() -> T) -> T {
        let before = CALL.get();
        let _restored = Restored(before);
        CALL.set(before.or(Some(Call { deadline: self, stage: Stage::Outside })));
        call()
    }
}

/// Restores what the thread was running, also where that panics.
struct Restored(Option<Call>);

impl Drop for Restored {
    fn drop(&mut self) {
        // Nothing is to be restored for a thread that ends.
        let _ = CALL.try_with(|current| current.set(self.0));
    }
}

/// Runs a call that arrives now, unless it is part of another.
pub(crate) fn call<T>(run: impl FnOnce() -> T) -> T {
    match CALL.get() {
        Some(_) => run(),
        None => Deadline::from_now().run(run),
    }
}

/// The same for a call that is awaited.
pub(crate) async fn call_async<T>(run: impl Future<Output = T>) -> T {
    let deadline = Deadline::from_now();
    let mut run = pin!(run);
    poll_fn(|context| deadline.run(|| run.as_mut().poll(context))).await
}

/// Runs `attempt`, and runs it again after a fork that has interrupted a wait of it. It holds no lock when it returns, and
/// has done nothing where a wait was given up. Inside of another attempt, which may hold locks, that one is run again.
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

/// Everything that had to be waited for is there: what fails from now on is not run again.
pub(crate) fn wait_is_over() {
    set_stage(Stage::Run);
}

/// Waits a step after `steps` of them; whether to try again. Steps are short, so that each of several processes comes to
/// its turn: SQLite's own handler sleeps longer and longer, and lets one writer starve the others for seconds.
pub(crate) fn wait(steps: i32) -> bool {
    pause_for(pause_of(steps)).is_ok()
}

/// Waits a step after `steps` of them, whatever the call may wait for: its caller counts them.
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

/// Waits for `pause`, or as long as the call may wait at all.
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

/// How long the call may still wait, for what no fork needs.
pub(crate) fn left() -> Duration {
    CALL.get().map_or(PATIENCE, |call| call.deadline.remaining())
}

/// Whether a fork is pending that comes before what this thread is about to do.
fn fork_comes_first() -> bool {
    fork::is_pending() && stage() != Some(Stage::Run)
}

/// How long the call may still wait.
fn remaining() -> Result<Duration, GaveUp> {
    if fork_comes_first() {
        set_stage(Stage::Interrupted);
        return Err(GaveUp);
    }
    // Outside of every call, nothing waits.
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
