//! Callers that share their work: who comes while others are served gathers in a group, and one of the group does what all
//! of it have brought in one go. No thread of our own.

use std::mem::{replace, take};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{GatekeeperError, Result};
use crate::fork::{Guards, lock};

/// A queue of callers who bring a `T` each and take an `R` away.
pub(crate) struct Queue<T, R> {
    state: Mutex<State<T, R>>,
    /// Nobody leads any more, or a fork is over.
    rested: Condvar,
}

struct State<T, R> {
    /// Those who gather now, and what each of them has brought.
    group: Arc<Group<R>>,
    brought: Vec<T>,
    /// Whether somebody leads a group. While somebody waits, somebody does.
    is_led: bool,
    /// Whether a fork waits until nobody does: who comes now stays out.
    is_closed: bool,
}

/// Callers who are served together. They wait for one event, so that one call of the system wakes all of them.
struct Group<R> {
    turn: Mutex<Turn<R>>,
    turned: Condvar,
}

enum Turn<R> {
    /// Others are served.
    Wait,
    /// Whoever takes this leads the group.
    Lead,
    /// Each takes the answer in their place.
    Done(Vec<Option<Result<R>>>),
}

/// What one leader does in one go. However it ends, its group is answered, and the lead goes on.
struct Go<'a, T, R> {
    queue: &'a Queue<T, R>,
    group: Arc<Group<R>>,
    answers: Vec<Result<R>>,
}

impl<T, R> Queue<T, R> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                group: Group::new(),
                brought: Vec::new(),
                is_led: false,
                is_closed: false,
            }),
            rested: Condvar::new(),
        }
    }

    /// Waits until `brought` is done, by this caller's `work` or by another's. `work` answers each in its place.
    pub(crate) fn submit(&self, brought: T, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) -> Result<R> {
        let (group, place, is_led) = {
            let mut state = lock(&self.state);
            while state.is_closed {
                state = wait(&self.rested, state);
            }
            state.brought.push(brought);
            (Arc::clone(&state.group), state.brought.len() - 1, replace(&mut state.is_led, true))
        };
        if is_led && let Some(answer) = group.wait(place) {
            return answer;
        }
        self.lead(work);
        group.wait(place).unwrap_or_else(|| Err(lost()))
    }

    fn lead(&self, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) {
        let (group, brought) = {
            let mut state = lock(&self.state);
            (replace(&mut state.group, Group::new()), take(&mut state.brought))
        };
        let mut go = Go { queue: self, group, answers: Vec::new() };
        go.answers = work(brought);
    }

    /// Waits until nobody leads and nobody waits, and holds the queue so, for a fork: neither side has lost a caller.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        while state.is_led {
            state = wait(&self.rested, state);
        }
        guards.push(Box::new(Closed { state, rested: &self.rested }));
    }
}

/// A queue held over a fork. Opens it on both sides.
struct Closed<'a, T, R> {
    state: MutexGuard<'a, State<T, R>>,
    rested: &'a Condvar,
}

impl<T, R> Drop for Closed<'_, T, R> {
    fn drop(&mut self) {
        self.state.is_closed = false;
        self.rested.notify_all();
    }
}

impl<T, R> Drop for Go<'_, T, R> {
    fn drop(&mut self) {
        // The next leader first: it works while the others wake up.
        let next = {
            let mut state = lock(&self.queue.state);
            state.is_led = !state.brought.is_empty();
            if !state.is_led && state.is_closed {
                self.queue.rested.notify_all();
            }
            state.is_led.then(|| Arc::clone(&state.group))
        };
        if let Some(next) = next {
            *lock(&next.turn) = Turn::Lead;
            next.turned.notify_one();
        }
        let answers = take(&mut self.answers).into_iter().map(Some).collect();
        *lock(&self.group.turn) = Turn::Done(answers);
        self.group.turned.notify_all();
    }
}

impl<R> Group<R> {
    fn new() -> Arc<Self> {
        Arc::new(Self { turn: Mutex::new(Turn::Wait), turned: Condvar::new() })
    }

    /// The answer for who came in this place; none for the lead.
    fn wait(&self, place: usize) -> Option<Result<R>> {
        let mut turn = lock(&self.turn);
        loop {
            match &mut *turn {
                Turn::Wait => turn = wait(&self.turned, turn),
                Turn::Lead => {
                    *turn = Turn::Wait;
                    return None;
                }
                Turn::Done(answers) => {
                    return Some(
                        answers.get_mut(place).and_then(Option::take).unwrap_or_else(|| Err(lost())),
                    );
                }
            }
        }
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

fn lost() -> GatekeeperError {
    GatekeeperError::internal("whoever led this group has panicked")
}

#[cfg(test)]
mod tests;
