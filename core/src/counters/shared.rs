//! Counters of a machine: slots in an LMDB file next to the database, exact for every process that has it open.
//!
//! An acquisition is one short write transaction. Its lock is robust: if the holder is killed, the transaction is
//! rolled back. The file is disposable: it is created for one boot, and never synced.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use heed::{MdbError, RwTxn};

use super::slot::SlotName;
use crate::clock::Clock;
use crate::error::Result;
use crate::fork::ForkGuards;
use crate::ipc::{Environment, Segment, SegmentFile, Shared, Slots};
use crate::window::{Acquired, Request, Window};

/// The number of slots that are checked with every new slot, and once in every [`ADMISSIONS_PER_SWEEP`] admissions,
/// so that empty slots are dropped before there are many.
const SWEPT_AT_ONCE: usize = 3;
const ADMISSIONS_PER_SWEEP: u32 = 32;

type Name = [u8; 16];

/// The initial size of the file on disk: about 40,000 slots of one entry.
const FIRST_SIZE: usize = 4 << 20;

/// Windows by slot. The file is opened at first use, and again after a fork.
pub(crate) struct SharedCounters {
    shared: Arc<Shared>,
    clock: Clock,
    file: SegmentFile<Open>,
}

struct Open {
    environment: Environment,
    sweeper: Sweeper,
    /// A buffer for the current window, and its bytes.
    window: Window,
    bytes: Vec<u8>,
}

impl SharedCounters {
    pub(super) fn new(shared: Arc<Shared>, clock: Clock) -> Self {
        Self { shared, clock, file: SegmentFile::default() }
    }

    /// Acquires a permit from the slot `name`, which belongs to `segment`. Returns none if the segment has been
    /// replaced, or if the file is not open and `may_open` is false.
    pub(crate) fn acquire(
        &self,
        segment: &Segment,
        name: SlotName,
        request: &Request<'_>,
        may_open: bool,
    ) -> Result<Option<Acquired>> {
        let Some(path) = &segment.counters else { return Ok(None) };
        let acquire = |open: &mut Open| open.acquire(name, &self.clock, request);
        match self.file.try_use(path, acquire)? {
            None if may_open => {
                let is_of = |newest: &Segment| newest.counters.as_ref() == Some(path);
                self.file.use_waiting(path, &self.shared, is_of, Open::new, acquire)
            }
            acquired => Ok(acquired),
        }
    }

    pub(super) fn close(&self) {
        self.file.close();
    }

    /// Prevents the file from being opened during a fork.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.file.quiesce_slow(guards);
    }

    /// Takes the lock and closes the file: its locks must not cross a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.file.quiesce(guards);
    }
}

impl Open {
    fn new(path: &Path) -> heed::Result<Self> {
        Ok(Self {
            environment: Environment::open(path, FIRST_SIZE)?,
            sweeper: Sweeper::default(),
            window: Window::default(),
            bytes: Vec::new(),
        })
    }

    fn acquire(&mut self, name: SlotName, clock: &Clock, request: &Request<'_>) -> heed::Result<Acquired> {
        let Self { environment, sweeper, window, bytes, .. } = self;
        let name = name.to_bytes();
        let mut acquired = None;
        // A denial changes nothing, and is not committed.
        let (Ok(()) | Err(())) = environment.change(|slots, transaction| {
            // Read while the lock is held: time does not run backwards from one transaction to the next.
            let now = clock.boot_ms();
            let stored = slots.get(transaction, &name)?;
            let is_new = stored.is_none();
            match stored {
                None => *window = Window::default(),
                Some(bytes) if window.load(bytes) => {}
                Some(_) => return Err(MdbError::Corrupted.into()),
            }
            if !acquired.insert(window.acquire(now, request)).admitted {
                return Ok(Err(()));
            }
            bytes.clear();
            window.store(bytes);
            slots.put(transaction, &name, bytes)?;
            sweeper.admitted(slots, transaction, is_new, now)?;
            Ok(Ok(()))
        })?;
        acquired.ok_or(MdbError::Problem.into())
    }
}

/// Walks through the slots and drops empty ones.
#[derive(Default)]
struct Sweeper {
    admissions: u32,
    /// The slot that was checked last.
    last: Name,
}

impl Sweeper {
    fn admitted(
        &mut self,
        slots: Slots,
        transaction: &mut RwTxn<'_>,
        is_new: bool,
        now: u64,
    ) -> heed::Result<()> {
        self.admissions = self.admissions.wrapping_add(1);
        if is_new || self.admissions.is_multiple_of(ADMISSIONS_PER_SWEEP) {
            self.sweep(slots, transaction, now)?;
        }
        Ok(())
    }

    fn sweep(&mut self, slots: Slots, transaction: &mut RwTxn<'_>, now: u64) -> heed::Result<()> {
        let after: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Excluded(&self.last), Bound::Unbounded);
        let mut seen = [None; SWEPT_AT_ONCE];
        for (slot_name, slot) in seen.iter_mut().zip(slots.range(transaction, &after)?) {
            let (name, window) = slot?;
            let ended = Window::stored_ends_at(window).is_none_or(|ends_at| ends_at <= now);
            *slot_name = name.try_into().ok().map(|name: Name| (name, ended));
        }
        // Start over after the last slot.
        self.last = seen.last().copied().flatten().map_or(Name::default(), |(name, _)| name);
        for (name, _) in seen.into_iter().flatten().filter(|(_, ended)| *ended) {
            slots.delete(transaction, &name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
