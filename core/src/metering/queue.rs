//! Group commit: callers that arrive while a batch is running form the next group, whose first member runs the work
//! for all of them. It needs no thread.

use std::mem::{replace, take};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::yield_now;

use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, clear_in_child, lock};

/// A queue of callers, each of which submits a `T` and waits for an `R`.
pub(crate) struct Queue<T, R>(Mutex<State<T, R>>);

struct State<T, R> {
    /// The group that is forming, and the items of its members. The first member will lead it.
    group: Arc<Group<R>>,
    items: Vec<T>,
    /// Whether a group is being led. It is whenever a caller waits.
    is_led: bool,
}

/// Callers whose items are processed together. All but the first wait for one event: a single system call wakes
/// them, and each picks up its own result.
struct Group<R> {
    /// Set when the first member may lead.
    lead: OnceLock<()>,
    results: OnceLock<Vec<Mutex<Option<Result<R>>>>>,
}

/// The run of one group. However it ends, the members get their results and the next group is led.
struct GroupRun<'a, T, R> {
    queue: &'a Queue<T, R>,
    group: Arc<Group<R>>,
    results: Vec<Result<R>>,
}

impl<T, R> Queue<T, R> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::new()))
    }

    /// Waits until `item` is processed, by this caller's `work` or by another member's. `work` returns one result
    /// per item, in order.
    pub(crate) fn submit(&self, item: T, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) -> Result<R> {
        let (group, index, is_led) = {
            let mut state = lock(&self.0);
            state.items.push(item);
            (Arc::clone(&state.group), state.items.len() - 1, replace(&mut state.is_led, true))
        };
        if index == 0 {
            if is_led {
                group.lead.wait();
                // Callers of the last group may submit again at once: a larger group costs no more to commit.
                yield_now();
            }
            self.lead(work);
        }
        group.result(index)
    }

    fn lead(&self, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) {
        let (group, items) = {
            let mut state = lock(&self.0);
            (replace(&mut state.group, Group::new()), take(&mut state.items))
        };
        let mut run = GroupRun { queue: self, group, results: Vec::new() };
        run.results = work(items);
    }

    /// Holds the lock during a fork. The parent's callers go on after it; the child has none of them.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(clear_in_child(lock(&self.0), |state| *state = State::new()));
    }
}

impl<T, R> State<T, R> {
    fn new() -> Self {
        Self { group: Group::new(), items: Vec::new(), is_led: false }
    }
}

impl<T, R> Drop for GroupRun<'_, T, R> {
    fn drop(&mut self) {
        // Start the next leader first: it works while the other members wake up.
        let next = {
            let mut state = lock(&self.queue.0);
            state.is_led = !state.items.is_empty();
            state.is_led.then(|| Arc::clone(&state.group))
        };
        if let Some(next) = next {
            // Only this leader sets it.
            let _ = next.lead.set(());
        }
        let results = take(&mut self.results).into_iter().map(|result| Mutex::new(Some(result))).collect();
        let _ = self.group.results.set(results);
    }
}

impl<R> Group<R> {
    fn new() -> Arc<Self> {
        Arc::new(Self { lead: OnceLock::new(), results: OnceLock::new() })
    }

    /// Waits for the result of the member with this index.
    fn result(&self, index: usize) -> Result<R> {
        let result = self.results.wait().get(index).and_then(|result| lock(result).take());
        result.unwrap_or_else(|| Err(lost()))
    }
}

fn lost() -> GatekeeperError {
    GatekeeperError::internal("the leader of this group has panicked")
}

#[cfg(test)]
mod tests;
