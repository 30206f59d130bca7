//! Callers that share their work: who comes while others are served gathers in a group, and one of the group does what all
//! of it have brought in one go. No thread of our own.

use std::mem::{replace, take};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::yield_now;

use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, clear_in_child, lock};

/// A queue of callers who bring a `T` each and take an `R` away.
pub(crate) struct Queue<T, R>(Mutex<State<T, R>>);

struct State<T, R> {
    /// Those who gather now, and what each of them has brought. The first of them leads.
    group: Arc<Group<R>>,
    brought: Vec<T>,
    /// Whether somebody leads a group. While somebody waits, somebody does.
    is_led: bool,
}

/// Callers that are served together. All but the first wait for one event: one call of the system wakes them, and none
/// has to wait for another to take its answer.
struct Group<R> {
    /// Set when the first may lead.
    lead: OnceLock<()>,
    answers: OnceLock<Vec<Mutex<Option<Result<R>>>>>,
}

/// What one leader does in one go. However it ends, its group is answered, and the lead goes on.
struct Go<'a, T, R> {
    queue: &'a Queue<T, R>,
    group: Arc<Group<R>>,
    answers: Vec<Result<R>>,
}

impl<T, R> Queue<T, R> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::new()))
    }

    /// Waits until `brought` is done, by this caller's `work` or by another's. `work` answers each in its place.
    pub(crate) fn submit(&self, brought: T, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) -> Result<R> {
        let (group, index, is_led) = {
            let mut state = lock(&self.0);
            state.brought.push(brought);
            (Arc::clone(&state.group), state.brought.len() - 1, replace(&mut state.is_led, true))
        };
        if index == 0 {
            if is_led {
                group.lead.wait();
                // Who has just been answered may come again: a commit costs as much for more of them.
                yield_now();
            }
            self.lead(work);
        }
        group.answer(index)
    }

    fn lead(&self, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) {
        let (group, brought) = {
            let mut state = lock(&self.0);
            (replace(&mut state.group, Group::new()), take(&mut state.brought))
        };
        let mut go = Go { queue: self, group, answers: Vec::new() };
        go.answers = work(brought);
    }

    /// Holds the lock over a fork. The parent's callers are served after it; the child has none of them.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(clear_in_child(lock(&self.0), |state| *state = State::new()));
    }
}

impl<T, R> State<T, R> {
    fn new() -> Self {
        Self { group: Group::new(), brought: Vec::new(), is_led: false }
    }
}

impl<T, R> Drop for Go<'_, T, R> {
    fn drop(&mut self) {
        // The next leader first: it works while the others wake up.
        let next = {
            let mut state = lock(&self.queue.0);
            state.is_led = !state.brought.is_empty();
            state.is_led.then(|| Arc::clone(&state.group))
        };
        if let Some(next) = next {
            // Nobody else sets it.
            let _ = next.lead.set(());
        }
        let answers = take(&mut self.answers).into_iter().map(|answer| Mutex::new(Some(answer))).collect();
        let _ = self.group.answers.set(answers);
    }
}

impl<R> Group<R> {
    fn new() -> Arc<Self> {
        Arc::new(Self { lead: OnceLock::new(), answers: OnceLock::new() })
    }

    /// Waits for the answer for who came in this place.
    fn answer(&self, index: usize) -> Result<R> {
        let answer = self.answers.wait().get(index).and_then(|answer| lock(answer).take());
        answer.unwrap_or_else(|| Err(lost()))
    }
}

fn lost() -> GatekeeperError {
    GatekeeperError::internal("whoever led this group has panicked")
}

#[cfg(test)]
mod tests;
