//! A pool of threads for calls that may wait for the disk, made from threads that must not block, such as that of an event
//! loop.
//!
//! A thread starts when there is work and ends after it has been idle for a while. It never belongs to the caller's
//! runtime. Work starts in the order of its arrival, also when all threads are busy.

use std::collections::VecDeque;
use std::mem::{forget, take};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::{GatekeeperError, Result};
use crate::fork::{self, ForkGuards, ForkSafe, clear_in_child, lock};
use crate::operation::{self, Operation};

/// The maximum number of threads per lane. Further work is queued.
const MAX_THREADS: usize = 32;
/// The time after which an idle thread ends.
const IDLE: Duration = Duration::from_secs(5);
const THREAD: &str = "gatekeeper-disk";

type Work = Box<dyn FnOnce() + Send>;

/// The lane of a call: each lane has its own threads, so that slow calls of one do not delay the other. For SDKs.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Key look-ups, which only read and must not wait for writers.
    LookUp,
    /// All other operations.
    Operation,
}

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

/// The threads of a lane.
struct Pool {
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

static LOOK_UPS: Pool = Pool::new();
static OPERATIONS: Pool = Pool::new();

/// Runs `work` on a thread that may block. Its deadline counts from now.
///
/// # Errors
/// `service_unavailable` if no thread can be started.
pub(crate) fn offload(lane: Lane, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let pool = match lane {
        Lane::LookUp => &LOOK_UPS,
        Lane::Operation => &OPERATIONS,
    };
    // Before the lock is acquired: a fork locks the registry before this list.
    fork::register_list(pool);
    let deadline = Deadline::from_now();
    pool.push(Box::new(move || deadline.run(work)))
}

impl Pool {
    const fn new() -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0 };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    fn push(&'static self, work: Work) -> Result<()> {
        let mut state = lock(&self.state);
        state.waiting.push_back(work);
        if state.idle >= state.waiting.len() {
            self.arrived.notify_one();
        } else if state.threads < MAX_THREADS {
            let started = thread::Builder::new().name(THREAD.to_owned()).spawn(|| self.run_queued());
            match started {
                Ok(_) => state.threads += 1,
                // A running thread will do the work.
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

    fn run_queued(&self) {
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
                self.arrived.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                return;
            }
        }
    }
}

/// Updates the number of threads when a thread ends, also by a panic.
struct Ended<'a>(&'a Pool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).threads -= 1;
    }
}

impl ForkSafe for Pool {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(clear_in_child(lock(&self.state), |state| {
            // Queued work belongs to callers in the parent process, so it must not run in the child.
            forget(take(&mut state.waiting));
            (state.threads, state.idle) = (0, 0);
        }));
    }
}
