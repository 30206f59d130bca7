//! The queue for permits to hash. A hash takes a processor and 19 MiB for tens of milliseconds, and any client may
//! cause one.

use std::collections::VecDeque;
use std::mem::{forget, replace};
use std::process;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard};
use std::thread::available_parallelism;

use super::memory::Memory;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::fork::{ForkGuards, lock};

/// The maximum number of callers that wait for a permit.
const MAX_WAITING: usize = 64;
/// The seconds after which a rejected caller may try again.
const RETRY_AFTER_S: u32 = 2;

/// The permits to hash, one per two processors, each with its memory.
pub(super) struct HashQueue {
    state: Mutex<State>,
    permits: usize,
}

#[derive(Default)]
struct State {
    /// The process that owns the threads: a child process has none of its parent's threads.
    process: u32,
    /// The number of permits in use. Callers wait only while all permits are in use.
    in_use: usize,
    waiting: usize,
    /// The waiting callers, by client address. The addresses get permits in turn, in this order.
    queues: VecDeque<AddressQueue>,
}

/// The waiting callers of one client address, in order of arrival.
struct AddressQueue {
    address: Option<Box<str>>,
    /// Each caller waits for the memory of a permit. A caller whose sender is dropped was removed from the queue.
    callers: VecDeque<SyncSender<Memory>>,
}

impl HashQueue {
    pub(super) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { state: Mutex::default(), permits: (processors / 2).max(1) }
    }

    /// Waits for a permit, which must be [released](Self::release).
    ///
    /// # Errors
    /// `service_unavailable` if too many callers wait.
    pub(super) fn acquire(&self, address: Option<&str>) -> Result<Memory> {
        let permit = {
            let mut state = self.state();
            if state.in_use < self.permits {
                state.in_use += 1;
                return Ok(Memory::default());
            }
            state.enqueue(address)?
        };
        permit.recv().map_err(|_| busy())
    }

    /// Passes the permit on to the next caller. If there is none, its memory is returned to the system.
    pub(super) fn release(&self, mut memory: Memory) {
        let mut state = self.state();
        while let Some(caller) = state.next() {
            match caller.send(memory) {
                Ok(()) => return,
                // This caller has given up: try the next one.
                Err(SendError(returned)) => memory = returned,
            }
        }
        state.in_use = state.in_use.saturating_sub(1);
        drop(state);
        drop(memory);
    }

    /// Holds the lock during a fork.
    pub(super) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.state)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        if state.process != process::id() {
            let of_parent = replace(&mut *state, State { process: process::id(), ..State::default() });
            // The parent's state is leaked: one of its threads may hold a lock in it that this process never sees
            // released.
            forget(of_parent);
        }
        state
    }
}

impl State {
    /// Queues a caller and returns what it waits on. If the queue is full, the address with the most callers loses
    /// its last one, provided that the new caller's address has fewer.
    fn enqueue(&mut self, address: Option<&str>) -> Result<Receiver<Memory>> {
        let own = self.queues.iter().position(|queue| queue.address.as_deref() == address);
        if self.waiting >= MAX_WAITING {
            let in_own = own.and_then(|own| self.queues.get(own)).map_or(0, |queue| queue.callers.len());
            let longest = self.queues.iter_mut().max_by_key(|queue| queue.callers.len());
            let Some(longest) = longest.filter(|queue| queue.callers.len() > in_own + 1) else {
                return Err(busy());
            };
            longest.callers.pop_back();
            self.waiting -= 1;
        }
        let (caller, permit) = sync_channel(1);
        match own.and_then(|own| self.queues.get_mut(own)) {
            Some(queue) => queue.callers.push_back(caller),
            None => self
                .queues
                .push_back(AddressQueue { address: address.map(Into::into), callers: [caller].into() }),
        }
        self.waiting += 1;
        Ok(permit)
    }

    /// The next caller. Its address moves to the end of the order.
    fn next(&mut self) -> Option<SyncSender<Memory>> {
        let mut queue = self.queues.pop_front()?;
        let caller = queue.callers.pop_front();
        if !queue.callers.is_empty() {
            self.queues.push_back(queue);
        }
        self.waiting = self.waiting.saturating_sub(1);
        caller
    }
}

fn busy() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Busy, "too many passwords are being checked: try again in a moment")
        .after(RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::TryRecvError;

    use super::*;

    /// A queue whose only permit is in use.
    fn full() -> HashQueue {
        let queue = HashQueue { permits: 1, ..HashQueue::new() };
        queue.acquire(None).unwrap();
        queue
    }

    fn enqueue(queue: &HashQueue, address: &str) -> Result<Receiver<Memory>> {
        queue.state().enqueue(Some(address))
    }

    #[test]
    fn client_addresses_take_turns_and_the_callers_of_one_keep_their_order() {
        let queue = full();
        let mut waiting: Vec<_> = ["a", "a", "a", "b", "b", "c"]
            .into_iter()
            .map(|each| (each, enqueue(&queue, each).unwrap()))
            .collect();
        let mut served = Vec::new();
        while !waiting.is_empty() {
            queue.release(Memory::default());
            let next = waiting.iter().position(|(_, permit)| permit.try_recv().is_ok()).unwrap();
            let is_first = !waiting[..next].iter().any(|(address, _)| *address == waiting[next].0);
            assert!(is_first);
            served.push(waiting.remove(next).0);
        }
        assert_eq!(served, ["a", "b", "c", "a", "b", "a"]);
        queue.release(Memory::default());
        let state = queue.state();
        assert_eq!((state.in_use, state.waiting, state.queues.len()), (0, 0, 0));
    }

    #[test]
    fn an_address_that_fills_the_queue_gives_way_to_others() {
        let queue = full();
        let mut flood: Vec<_> = (0..MAX_WAITING).map(|_| enqueue(&queue, "flood").unwrap()).collect();
        let rejected = enqueue(&queue, "flood").unwrap_err();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(RETRY_AFTER_S)));
        let others: Vec<_> = (0..MAX_WAITING / 2).map(|_| enqueue(&queue, "others").unwrap()).collect();
        let lost = flood.split_off(MAX_WAITING / 2);
        assert!(lost.iter().all(|permit| matches!(permit.try_recv(), Err(TryRecvError::Disconnected))));
        assert!(
            flood.iter().chain(&others).all(|permit| matches!(permit.try_recv(), Err(TryRecvError::Empty)))
        );
        assert!(enqueue(&queue, "others").is_err(), "no more than an equal share");
        assert!(enqueue(&queue, "a third").is_ok());
        assert_eq!(queue.state().waiting, MAX_WAITING);
    }

    #[test]
    fn a_permit_skips_a_caller_who_has_given_up() {
        let queue = full();
        drop(enqueue(&queue, "gone").unwrap());
        let next = enqueue(&queue, "next").unwrap();
        queue.release(Memory::default());
        assert!(next.try_recv().is_ok());
        assert_eq!(queue.state().in_use, 1);
    }
}
