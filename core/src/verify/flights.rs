//! Look-ups in progress. Those of one digest run one after the other, so that the store is queried once.
//!
//! A look-up may wait for the disk, so it sets a mark and holds no lock. A fork does not wait for it, and the child, which
//! has none of the threads, clears the marks.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::deadline;
use crate::fork::{ForkGuards, clear_in_child, lock};
use crate::secret::Digest;

/// The look-ups in progress.
#[derive(Default)]
pub(super) struct Flights {
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Default)]
struct State {
    /// One bit for each of 64 partitions of the digests, set while a digest of the partition is looked up.
    marks: u64,
    waiting: usize,
}

/// A look-up in progress. It ends when this is dropped.
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    mark: u64,
}

impl Flights {
    /// Waits until no digest of the same partition is looked up, or until the deadline of the call; then the look-up
    /// begins anyway.
    pub(super) fn begin(&self, digest: &Digest) -> Flight<'_> {
        let mark = 1 << (digest.as_bytes()[0] % 64);
        let mut state = lock(&self.state);
        while state.marks & mark != 0 {
            let left = deadline::left();
            if left.is_zero() {
                return Flight { flights: self, mark: 0 };
            }
            state.waiting += 1;
            state = self.landed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        state.marks |= mark;
        Flight { flights: self, mark }
    }

    /// Holds the lock during a fork.
    pub(super) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(clear_in_child(lock(&self.state), |state| *state = State::default()));
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.flights.state);
        state.marks &= !self.mark;
        if state.waiting > 0 {
            self.flights.landed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::scope;

    use super::*;

    #[test]
    fn look_ups_of_one_digest_are_sequential_and_those_of_different_digests_are_concurrent() {
        let (flights, digest) = (Flights::default(), Digest::from_bytes([1; 32]));
        let flight = flights.begin(&digest);
        drop(flights.begin(&Digest::from_bytes([2; 32])));
        scope(|scope| {
            let second = scope.spawn(|| deadline::call(|| flights.begin(&digest).mark));
            while lock(&flights.state).waiting == 0 {
                std::thread::yield_now();
            }
            drop(flight);
            assert_eq!(second.join().unwrap(), 2);
        });
        assert_eq!(lock(&flights.state).marks, 0);
    }
}
