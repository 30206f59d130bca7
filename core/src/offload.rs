//! Threads for calls that may wait for the disk and whose caller must not: an event loop's, or a pool's that others need too.
//!
//! They are started when there is work, end when there has been none for a while, and never belong to the runtime that the
//! caller runs on. Work begins in the order in which it came, so that each call is answered by its deadline, also one that
//! has found no thread.

use std::collections::VecDeque;
use std::mem::{forget, take};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::{GatekeeperError, Result};
use crate::fork::{self, ForkGuards, ForkSafe, clear_in_child, lock};
use crate::operation::{self, Operation};

/// How many threads wait for the disk at once; further work waits for one of them.
const MAX_THREADS: usize = 32;
/// How long a thread waits for more work before it ends.
const IDLE: Duration = Duration::from_secs(5);
const THREAD: &str = "gatekeeper-disk";

impl Lane {
    /// The lane of an operation.
    pub(crate) fn of<O: Operation>() -> Self {
        if O::LOOKS_UP_KEY { Self::LookUp } else { Self::Operation }
    }

    /// The lane of the operation with this name.
    #[must_use]
    pub fn of_operation(name: &str) -> Self {
        match operation::find(name) {
            Some(descriptor) if descriptor.looks_up_key => Self::LookUp,
            _ => Self::Operation,
        }
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// What a call does, and so whom it can hold up. For SDKs.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Looks a key up: it reads, and must not wait behind those who write.
    LookUp,
    /// Anything else.
    Operation,
}

/// The threads of a lane.
struct Pool {
    state: Mutex<State>,
    brought: Condvar,
}

struct State {
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

static LOOK_UPS: Pool = Pool::new();
static OPERATIONS: Pool = Pool::new();

/// Runs `work` on a thread that may wait. It arrives now.
///
/// # Errors
/// `service_unavailable` where there is no thread to be had.
pub(crate) fn offload(lane: Lane, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let pool = match lane {
        Lane::LookUp => &LOOK_UPS,
        Lane::Operation => &OPERATIONS,
    };
    // Before the lock is taken: at a fork, the registry is locked before this.
    fork::register_list(pool);
    let deadline = Deadline::from_now();
    pool.bring(Box::new(move || deadline.run(work)))
}

impl Pool {
    const fn new() -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0 };
        Self { state: Mutex::new(state), brought: Condvar::new() }
    }

    fn bring(&'static self, work: Work) -> Result<()> {
        let mut state = lock(&self.state);
        state.waiting.push_back(work);
        if state.idle >= state.waiting.len() {
            self.brought.notify_one();
        } else if state.threads < MAX_THREADS {
            let started = thread::Builder::new().name(THREAD.to_owned()).spawn(|| self.work_off());
            match started {
                Ok(_) => state.threads += 1,
                // Another thread comes to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    let work = state.waiting.pop_back();
                    drop(state);
                    drop(work);
                    let message = "no thread could be started: raise the limit of threads, then try again";
                    return Err(GatekeeperError::unavailable(message).caused_by(error));
                }
            }
        }
        Ok(())
    }

    fn work_off(&self) {
        let _ended = Ended(self);
        let mut state = lock(&self.state);
        loop {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                work();
                state = lock(&self.state);
                continue;
            }
            state.idle += 1;
            let (woken, waited) =
                self.brought.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                return;
            }
        }
    }
}

/// A thread of the pool that ends, also where its work panics.
struct Ended<'a>(&'a Pool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).threads -= 1;
    }
}

impl ForkSafe for Pool {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(clear_in_child(lock(&self.state), |state| {
            // Its callers are the parent's: they are not to be answered here.
            forget(take(&mut state.waiting));
            (state.threads, state.idle) = (0, 0);
        }));
    }
}
