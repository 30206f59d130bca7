//! Callers that share their work: the first to come leads, does what all who wait have brought in one go, and hands the
//! lead to the first who came meanwhile. No thread of our own.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{GatekeeperError, Result};
use crate::fork::{Guards, lock};

/// The most that is done in one go.
const MOST_AT_ONCE: usize = 256;

/// A queue of callers who bring a `T` each and take an `R` away.
pub(crate) struct Queue<T, R> {
    state: Mutex<State<T, R>>,
    /// Nobody leads any more, or a fork is over.
    rested: Condvar,
}

struct State<T, R> {
    waiting: VecDeque<(T, Arc<Seat<R>>)>,
    /// Whether somebody leads. While somebody waits, somebody does.
    is_led: bool,
    /// Whether a fork waits until nobody does: who comes now stays out.
    is_closed: bool,
}

/// Where a caller waits.
struct Seat<R> {
    turn: Mutex<Turn<R>>,
    turned: Condvar,
}

enum Turn<R> {
    /// Not yet.
    Wait,
    /// To lead: what this caller brought is the first in the queue.
    Lead,
    /// Done.
    Done(Result<R>),
}

/// What one leader does in one go. However it ends, all who came with it are answered, and the lead goes on.
struct Go<'a, T, R> {
    queue: &'a Queue<T, R>,
    seats: Vec<Arc<Seat<R>>>,
    answers: Vec<Result<R>>,
}

impl<T, R> Queue<T, R> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State { waiting: VecDeque::new(), is_led: false, is_closed: false }),
            rested: Condvar::new(),
        }
    }

    /// Waits until `brought` is done, by this caller's `work` or by another's. `work` answers each in its place.
    pub(crate) fn submit(&self, brought: T, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) -> Result<R> {
        let seat = Arc::new(Seat { turn: Mutex::new(Turn::Wait), turned: Condvar::new() });
        let is_led = {
            let mut state = lock(&self.state);
            while state.is_closed {
                state = wait(&self.rested, state);
            }
            state.waiting.push_back((brought, Arc::clone(&seat)));
            std::mem::replace(&mut state.is_led, true)
        };
        if is_led && let Some(answer) = seat.wait() {
            return answer;
        }
        self.lead(work);
        seat.wait().unwrap_or_else(|| Err(lost()))
    }

    fn lead(&self, work: impl FnOnce(Vec<T>) -> Vec<Result<R>>) {
        let (brought, seats) = {
            let mut state = lock(&self.state);
            let most = state.waiting.len().min(MOST_AT_ONCE);
            state.waiting.drain(..most).unzip()
        };
        let mut go = Go { queue: self, seats, answers: Vec::new() };
        go.answers = work(brought);
    }

    /// Waits until nobody leads and nobody waits, and holds the queue so, for a fork: neither side has lost a caller.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>)
    where
        T: Send,
        R: Send,
    {
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
            let next = state.waiting.front().map(|(_, seat)| Arc::clone(seat));
            state.is_led = next.is_some();
            if next.is_none() && state.is_closed {
                self.queue.rested.notify_all();
            }
            next
        };
        if let Some(seat) = next {
            seat.give(Turn::Lead);
        }
        let mut answers = take(&mut self.answers).into_iter();
        for seat in take(&mut self.seats) {
            seat.give(Turn::Done(answers.next().unwrap_or_else(|| Err(lost()))));
        }
    }
}

impl<R> Seat<R> {
    fn give(&self, turn: Turn<R>) {
        *lock(&self.turn) = turn;
        self.turned.notify_one();
    }

    /// What was given; none for the lead.
    fn wait(&self) -> Option<Result<R>> {
        let mut turn = lock(&self.turn);
        loop {
            match std::mem::replace(&mut *turn, Turn::Wait) {
                Turn::Wait => turn = wait(&self.turned, turn),
                Turn::Lead => return None,
                Turn::Done(answer) => return Some(answer),
            }
        }
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

fn lost() -> GatekeeperError {
    GatekeeperError::internal("the leader of a queue has panicked")
}

#[cfg(test)]
mod tests;
