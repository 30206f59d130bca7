//! Counters of a machine: slots in an LMDB file beside the database, exact for every process that has it open.
//!
//! An acquisition is one short write transaction. The lock around it outlives its holder: where that is killed, its
//! transaction never was. The file is disposable: it is made for one boot, and never synced.

mod environment;

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use heed::{MdbError, RwTxn};

use super::slot::SlotName;
use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::fork::{Guards, lock};
use crate::shared::{Generation, Shared};
use crate::window::{Acquired, Request, Window};
use environment::{Environment, Slots};

/// So many slots are looked over with every new slot, and with every so many admissions: an empty slot is dropped before
/// there are many of them.
const SWEPT_AT_ONCE: usize = 3;
const ADMISSIONS_PER_SWEEP: u32 = 32;

type Name = [u8; 16];

/// Windows by slot. Opens at first use, and again after a fork.
pub(crate) struct SharedCounters {
    shared: Arc<Shared>,
    clock: Clock,
    open: Mutex<Option<Open>>,
}

struct Open {
    path: PathBuf,
    environment: Environment,
    sweeper: Sweeper,
    /// The window at hand, and its bytes.
    window: Window,
    bytes: Vec<u8>,
}

impl SharedCounters {
    pub(super) fn new(shared: Arc<Shared>, clock: Clock) -> Self {
        Self { shared, clock, open: Mutex::default() }
    }

    /// Acquires a permit of the slot `name`, which belongs to `generation`; none where that has been replaced, or the
    /// file is not open and `may_open` is not given.
    pub(crate) fn acquire(
        &self,
        generation: &Generation,
        name: SlotName,
        request: Request<'_>,
        may_open: bool,
    ) -> Result<Option<Acquired>> {
        let Some(path) = &generation.counters else { return Ok(None) };
        let mut place = lock(&self.open);
        let open = match &mut *place {
            Some(open) if open.path == *path => open,
            _ if !may_open => return Ok(None),
            other => {
                // Closed before another is opened: LMDB's locks belong to the process.
                *other = None;
                // Locks the generation against being made anew for as long as it is open.
                if self.shared.open()?.and_then(|newest| newest.counters.as_ref()) != Some(path) {
                    return Ok(None);
                }
                other.insert(Open::new(path).map_err(|error| explain(error, path))?)
            }
        };
        match open.acquire(name, &self.clock, request) {
            Ok(acquired) => Ok(Some(acquired)),
            Err(error) => {
                // Whatever it is, the next call begins with a file just opened.
                *place = None;
                Err(explain(error, path))
            }
        }
    }

    pub(super) fn close(&self) {
        *lock(&self.open) = None;
    }

    /// Holds the lock and closes the file, whose locks must not cross a fork.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        let mut open = lock(&self.open);
        *open = None;
        guards.push(Box::new(open));
    }
}

impl Open {
    fn new(path: &Path) -> heed::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            environment: Environment::open(path)?,
            sweeper: Sweeper::default(),
            window: Window::default(),
            bytes: Vec::new(),
        })
    }

    fn acquire(&mut self, name: SlotName, clock: &Clock, request: Request<'_>) -> heed::Result<Acquired> {
        let Self { environment, sweeper, window, bytes, .. } = self;
        let name = name.to_bytes();
        let acquired = environment.change(|slots, transaction| {
            // Read under the lock: time does not run backwards from one transaction to the next.
            let now = clock.boot_ms();
            let stored = slots.get(transaction, &name)?;
            let is_new = stored.is_none();
            match stored {
                None => *window = Window::default(),
                Some(bytes) if window.load(bytes) => {}
                Some(_) => return Err(MdbError::Corrupted.into()),
            }
            let acquired = window.acquire(now, request);
            if !acquired.admitted {
                return Ok(Err(acquired));
            }
            bytes.clear();
            window.store(bytes);
            slots.put(transaction, &name, bytes)?;
            sweeper.admitted(slots, transaction, is_new, now)?;
            Ok(Ok(acquired))
        })?;
        Ok(acquired.unwrap_or_else(|denied| denied))
    }
}

/// Goes round the slots and drops those that are empty.
#[derive(Default)]
struct Sweeper {
    admissions: u32,
    /// The slot that was looked at last.
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
        for (place, slot) in seen.iter_mut().zip(slots.range(transaction, &after)?) {
            let (name, window) = slot?;
            let ended = Window::stored_ends_at(window).is_none_or(|ends_at| ends_at <= now);
            *place = name.try_into().ok().map(|name: Name| (name, ended));
        }
        // From the first slot again, after the last.
        self.last = seen.last().copied().flatten().map_or(Name::default(), |(name, _)| name);
        for (name, _) in seen.into_iter().flatten().filter(|(_, ended)| *ended) {
            slots.delete(transaction, &name)?;
        }
        Ok(())
    }
}

#[cold]
fn explain(error: heed::Error, path: &Path) -> GatekeeperError {
    let folder = path.parent().unwrap_or(path).display();
    let message = match &error {
        heed::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            format!("the disk that holds \"{folder}\" is full: make room")
        }
        heed::Error::Io(_) => format!("\"{folder}\" cannot be used now: see the cause of this error"),
        _ => format!(
            "what is counted in \"{folder}\" cannot be read: remove that folder, and every window starts anew"
        ),
    };
    GatekeeperError::unavailable(message).caused_by(error)
}

#[cfg(test)]
mod tests;
