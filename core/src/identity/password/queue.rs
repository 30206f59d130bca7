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
    /// The number of permits in use. While callers wait, all are.
    lent: usize,
    waiting: usize,
    /// The waiting callers, by client address. The addresses get permits in turn, in this order.
    lines: VecDeque<Line>,
}

/// The waiting callers of one client address, in order of arrival.
struct Line {
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
        let turn = {
            let mut state = self.state();
            if state.lent < self.permits {
                state.lent += 1;
                return Ok(Memory::default());
            }
            state.line_up(address)?
        };
        turn.recv().map_err(|_| busy())
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
        state.lent = state.lent.saturating_sub(1);
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
    fn line_up(&mut self, address: Option<&str>) -> Result<Receiver<Memory>> {
        let own = self.lines.iter().position(|line| line.address.as_deref() == address);
        if self.waiting >= MAX_WAITING {
            let in_own = own.and_then(|own| self.lines.get(own)).map_or(0, |line| line.callers.len());
            let longest = self.lines.iter_mut().max_by_key(|line| line.callers.len());
            let Some(longest) = longest.filter(|line| line.callers.len() > in_own + 1) else {
                return Err(busy());
            };
            longest.callers.pop_back();
            self.waiting -= 1;
        }
        let (caller, turn) = sync_channel(1);
        match own.and_then(|own| self.lines.get_mut(own)) {
            Some(line) => line.callers.push_back(caller),
            None => self.lines.push_back(Line { address: address.map(Into::into), callers: [caller].into() }),
        }
        self.waiting += 1;
        Ok(turn)
    }

    /// The next caller. Its address moves to the end of the order.
    fn next(&mut self) -> Option<SyncSender<Memory>> {
        let mut line = self.lines.pop_front()?;
        let caller = line.callers.pop_front();
        if !line.callers.is_empty() {
            self.lines.push_back(line);
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

    fn line_up(queue: &HashQueue, address: &str) -> Result<Receiver<Memory>> {
        queue.state().line_up(Some(address))
    }

    #[test]
    fn client_addresses_take_turns_and_the_callers_of_one_keep_their_order() {
        let queue = full();
        let mut waiting: Vec<_> = ["a", "a", "a", "b", "b", "c"]
            .into_iter()
            .map(|each| (each, line_up(&queue, each).unwrap()))
            .collect();
        let mut served = Vec::new();
        while !waiting.is_empty() {
            queue.release(Memory::default());
            let next = waiting.iter().position(|(_, turn)| turn.try_recv().is_ok()).unwrap();
            let is_first = !waiting[..next].iter().any(|(address, _)| *address == waiting[next].0);
            assert!(is_first);
            served.push(waiting.remove(next).0);
        }
        assert_eq!(served, ["a", "b", "c", "a", "b", "a"]);
        queue.release(Memory::default());
        let state = queue.state();
        assert_eq!((state.lent, state.waiting, state.lines.len()), (0, 0, 0));
    }

    #[test]
    fn an_address_that_fills_the_queue_gives_way_to_others() {
        let queue = full();
        let mut flood: Vec<_> = (0..MAX_WAITING).map(|_| line_up(&queue, "flood").unwrap()).collect();
        let rejected = line_up(&queue, "flood").unwrap_err();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(RETRY_AFTER_S)));
        let others: Vec<_> = (0..MAX_WAITING / 2).map(|_| line_up(&queue, "others").unwrap()).collect();
        let lost = flood.split_off(MAX_WAITING / 2);
        assert!(lost.iter().all(|turn| matches!(turn.try_recv(), Err(TryRecvError::Disconnected))));
        assert!(flood.iter().chain(&others).all(|turn| matches!(turn.try_recv(), Err(TryRecvError::Empty))));
        assert!(line_up(&queue, "others").is_err(), "no more than an equal share");
        assert!(line_up(&queue, "a third").is_ok());
        assert_eq!(queue.state().waiting, MAX_WAITING);
    }

    #[test]
    fn a_permit_skips_a_caller_who_has_given_up() {
        let queue = full();
        drop(line_up(&queue, "gone").unwrap());
        let next = line_up(&queue, "next").unwrap();
        queue.release(Memory::default());
        assert!(next.try_recv().is_ok());
        assert_eq!(queue.state().lent, 1);
    }
}
