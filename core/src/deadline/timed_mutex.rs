//! A mutex with a bounded wait: until the deadline of the call.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{GaveUp, call, fork_comes_first, remaining};
use crate::fork::{ForkGuards, lock, try_lock};

/// How often a waiting thread wakes up to check its deadline and pending forks.
const SLICE: Duration = Duration::from_millis(10);
/// How often a thread that forks wakes up.
const FORK_SLICE: Duration = Duration::from_millis(1);

/// A lock that may be held during a wait for the disk or for another process. When a fork is pending, threads that
/// wait for the lock let the fork go first.
#[derive(Default)]
pub(crate) struct TimedMutex<T> {
    state: Mutex<State>,
    released: Condvar,
    /// Locked by the thread that holds the lock.
    value: Mutex<T>,
}

#[derive(Default)]
struct State {
    is_held: bool,
    waiting: usize,
}

/// The lock, held until this is dropped.
pub(crate) struct TimedGuard<'a, T> {
    /// Dropped before `_release`.
    value: MutexGuard<'a, T>,
    _release: Release<'a, T>,
}

struct Release<'a, T>(&'a TimedMutex<T>);

impl<T> TimedMutex<T> {
    /// Waits for the lock.
    pub(crate) fn lock(&self) -> Result<TimedGuard<'_, T>, GaveUp> {
        call(|| {
            let mut state = lock(&self.state);
            loop {
                // A free lock needs no wait, so it is acquired even after the deadline. Only a fork goes first.
                if !state.is_held && !fork_comes_first() {
                    return Ok(self.hold(state));
                }
                // This thread gives up, so it passes on a wake-up that was meant for another one.
                let left = remaining().inspect_err(|_| self.released.notify_one())?;
                state = self.wait(state, left.min(SLICE));
            }
        })
    }

    /// Acquires the lock if it is free.
    pub(crate) fn try_lock(&self) -> Option<TimedGuard<'_, T>> {
        let state = try_lock(&self.state)?;
        (!state.is_held).then(|| self.hold(state))
    }

    /// Waits for the lock without a deadline, to close the value.
    pub(crate) fn lock_to_close(&self) -> TimedGuard<'_, T> {
        let mut state = lock(&self.state);
        while state.is_held {
            state = self.wait(state, SLICE);
        }
        self.hold(state)
    }

    /// Holds the lock during a fork, after `close` has closed what must not be inherited.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>, close: impl FnOnce(&mut T)) {
        let mut state = lock(&self.state);
        while state.is_held {
            state = self.wait(state, FORK_SLICE);
        }
        let mut value = lock(&self.value);
        close(&mut value);
        guards.push(Box::new((value, state)));
    }

    fn hold(&self, mut state: MutexGuard<'_, State>) -> TimedGuard<'_, T> {
        state.is_held = true;
        TimedGuard { value: lock(&self.value), _release: Release(self) }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, most: Duration) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let (mut state, _) = self.released.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }
}

impl<T> Deref for TimedGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for TimedGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Release<'_, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.is_held = false;
        if state.waiting > 0 {
            self.0.released.notify_one();
        }
    }
}
