//! When keys were last used: kept in shared memory until a process moves the times into the database, so that
//! neither an exit nor a kill loses them, and no thread is needed.
//!
//! The times are in an LMDB file next to the database, by key id; for `memory:`, in a map. They are lost with the
//! segment that they belong to: a reboot loses those that no process has moved.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use foldhash::quality::RandomState;

use heed::RwTxn;

use super::environment::{Environment, Slots};
use super::segment_file::SegmentFile;
use super::{Segment, Shared};
use crate::fork::{ForkGuards, lock};
use crate::id::KeyId;

/// The maximum number of keys with a pending time.
const MAX_WAITING: usize = 65_536;
/// How far in the future another process may have recorded a use, in ms.
pub(crate) const MAX_EARLY_MS: u64 = 60_000;
/// The initial size of the file on disk: about 10,000 keys.
const FIRST_SIZE: usize = 1 << 20;

/// The pending last-used times, in Unix ms.
pub(super) enum LastUsed {
    Memory(Mutex<HashMap<KeyId, u64, RandomState>>),
    File(SegmentFile<Environment>),
}

/// The result of recording a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    Noted,
    /// Too many times are pending: some must be moved first.
    Full,
    /// The file is not open.
    NotOpen,
}

impl LastUsed {
    pub(super) fn in_memory() -> Self {
        Self::Memory(Mutex::default())
    }

    pub(super) fn in_file() -> Self {
        Self::File(SegmentFile::default())
    }
}

impl Shared {
    /// Records that a key was used at `wall_ms`. A time that cannot be recorded is lost: no verification fails
    /// because of it.
    pub(crate) fn touch(&self, segment: &Segment, id: KeyId, wall_ms: u64, may_open: bool) -> Touched {
        match &self.last_used {
            LastUsed::Memory(waiting) => {
                let mut waiting = lock(waiting);
                if waiting.len() >= MAX_WAITING && !waiting.contains_key(&id) {
                    return Touched::Full;
                }
                let known = waiting.entry(id).or_default();
                if is_later(wall_ms, *known) {
                    *known = wall_ms;
                }
                Touched::Noted
            }
            LastUsed::File(file) => {
                let Some(path) = &segment.last_used else { return Touched::Noted };
                let put = |open: &mut Environment| put(open, id, wall_ms);
                let touched = match file.try_use(path, put) {
                    Ok(None) if may_open => self.use_last_used(file, path, put),
                    touched => touched.map(|touched| Some(touched.unwrap_or(Touched::NotOpen))),
                };
                // If the segment is no longer the current one, the time is lost with it.
                touched.ok().flatten().unwrap_or(Touched::Noted)
            }
        }
    }

    /// At most `most` of the pending times.
    pub(crate) fn last_uses(&self, most: usize) -> Vec<(KeyId, u64)> {
        match &self.last_used {
            LastUsed::Memory(waiting) => {
                lock(waiting).iter().take(most).map(|(id, used_at)| (*id, *used_at)).collect()
            }
            LastUsed::File(file) => self.look_at_file(file, |open| first(open, most)).unwrap_or_default(),
        }
    }

    /// The pending times of these keys.
    pub(crate) fn last_uses_of(&self, ids: &[KeyId]) -> Vec<(KeyId, u64)> {
        match &self.last_used {
            LastUsed::Memory(waiting) => {
                let waiting = lock(waiting);
                ids.iter().filter_map(|id| Some((*id, *waiting.get(id)?))).collect()
            }
            LastUsed::File(file) => self.look_at_file(file, |open| of(open, ids)).unwrap_or_default(),
        }
    }

    /// Removes times that were moved into the database, except of keys that were used again since.
    pub(crate) fn forget_last_uses(&self, moved: &[(KeyId, u64)]) {
        if moved.is_empty() {
            return;
        }
        match &self.last_used {
            LastUsed::Memory(waiting) => {
                let mut waiting = lock(waiting);
                for (id, used_at) in moved {
                    if waiting.get(id) == Some(used_at) {
                        waiting.remove(id);
                    }
                }
            }
            LastUsed::File(file) => {
                self.look_at_file(file, |open| forget(open, moved));
            }
        }
    }

    /// Runs `look` on the file of the current segment, if there is one.
    fn look_at_file<R>(
        &self,
        file: &SegmentFile<Environment>,
        look: impl FnMut(&mut Environment) -> heed::Result<R>,
    ) -> Option<R> {
        let path = self.open().ok()??.last_used.as_deref()?;
        self.use_last_used(file, path, look).ok()?
    }

    fn use_last_used<R>(
        &self,
        file: &SegmentFile<Environment>,
        path: &Path,
        use_it: impl FnMut(&mut Environment) -> heed::Result<R>,
    ) -> crate::error::Result<Option<R>> {
        let is_of = |newest: &Segment| newest.last_used.as_deref() == Some(path);
        let make = |path: &Path| {
            self.folder.as_ref().map_or(Ok(()), |folder| folder.ensure(path))?;
            Environment::open(path, FIRST_SIZE)
        };
        file.use_waiting(path, self, is_of, make, use_it)
    }

    pub(super) fn close_last_used(&self) {
        if let LastUsed::File(file) = &self.last_used {
            file.close();
        }
    }

    /// Takes the locks that are held only briefly, for a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        match &self.last_used {
            LastUsed::Memory(waiting) => guards.push(Box::new(lock(waiting))),
            LastUsed::File(file) => file.quiesce(guards),
        }
    }
}

/// Whether `used_at` is later than `known`. A known time in the future, from a clock that was ahead, is replaced.
fn is_later(used_at: u64, known: u64) -> bool {
    used_at > known || known - used_at > MAX_EARLY_MS
}

fn put(open: &mut Environment, id: KeyId, used_at: u64) -> heed::Result<Touched> {
    let name = id.bits().to_be_bytes();
    let touched = open.change(|uses, transaction| {
        let known = uses.get(transaction, &name)?.map(time_of);
        if known.is_none() && uses.len(transaction)? >= MAX_WAITING as u64 {
            return Ok(Err(Touched::Full));
        }
        if known.is_some_and(|known| !is_later(used_at, known)) {
            return Ok(Err(Touched::Noted));
        }
        uses.put(transaction, &name, &used_at.to_be_bytes())?;
        Ok(Ok(Touched::Noted))
    })?;
    Ok(touched.unwrap_or_else(|unchanged| unchanged))
}

fn first(open: &mut Environment, most: usize) -> heed::Result<Vec<(KeyId, u64)>> {
    open.look(|uses, transaction| {
        uses.iter(transaction)?
            .take(most)
            .map(|entry| entry.map(|(name, time)| (id_of(name), time_of(time))))
            .collect()
    })
}

fn of(open: &mut Environment, ids: &[KeyId]) -> heed::Result<Vec<(KeyId, u64)>> {
    open.look(|uses, transaction| {
        let mut found = Vec::new();
        for id in ids {
            if let Some(time) = uses.get(transaction, &id.bits().to_be_bytes())? {
                found.push((*id, time_of(time)));
            }
        }
        Ok(found)
    })
}

fn forget(open: &mut Environment, moved: &[(KeyId, u64)]) -> heed::Result<()> {
    let forget = |uses: Slots, transaction: &mut RwTxn<'_>| {
        for (id, used_at) in moved {
            let name = id.bits().to_be_bytes();
            if uses.get(transaction, &name)?.map(time_of) == Some(*used_at) {
                uses.delete(transaction, &name)?;
            }
        }
        Ok(Ok::<(), ()>(()))
    };
    open.change(forget).map(drop)
}

/// The id of an entry. A malformed entry has the nil id, which no key has.
fn id_of(name: &[u8]) -> KeyId {
    KeyId::from_bits(name.try_into().map_or(0, u128::from_be_bytes))
}

fn time_of(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests;
