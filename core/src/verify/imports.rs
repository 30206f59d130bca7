//! The suffixes of imported digests, cached: while there are none, a key with another format is unknown without a
//! look-up.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use super::io::Io;
use crate::error::Result;
use crate::fork::{ForkGuards, lock};
use crate::ipc::{Map, VersionCounters};
use crate::store::{IMPORTS, Store};

/// The suffixes in use; none where nothing was imported.
pub(super) type Suffixes = Option<Arc<[String]>>;

/// What is remembered of imports.
#[derive(Default)]
pub(super) struct Imports {
    /// The change number, plus one, under which there were none; 0 for never.
    none_version: AtomicU64,
    /// The change number under which there were these.
    some: Mutex<Option<(u64, Arc<[String]>)>>,
}

impl Imports {
    /// The suffixes in use at `now`, Unix ms, as fresh as `version_counters` say; nothing if that would need I/O and
    /// `io` forbids it. One that is used no more since then may still be among them.
    pub(super) fn suffixes(
        &self,
        store: &Store,
        version_counters: &VersionCounters<Map>,
        now: i64,
        io: Io,
    ) -> Result<Option<Suffixes>> {
        let word = version_counters.of_known(&IMPORTS);
        if self.none_version.load(SeqCst) > word {
            return Ok(Some(None));
        }
        if let Some((version, suffixes)) = &*lock(&self.some)
            && *version >= word
        {
            return Ok(Some(Some(Arc::clone(suffixes))));
        }
        if io == Io::Forbidden {
            return Ok(None);
        }
        let read = store.imported_suffixes(version_counters, now)?;
        if read.found.is_empty() {
            self.none_version.fetch_max(read.number + 1, SeqCst);
            return Ok(Some(None));
        }
        let suffixes: Arc<[String]> = read.found.into();
        let mut some = lock(&self.some);
        if some.as_ref().is_none_or(|(version, _)| *version <= read.number) {
            *some = Some((read.number, Arc::clone(&suffixes)));
        }
        Ok(Some(Some(suffixes)))
    }

    /// Holds the lock, for a fork.
    pub(super) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.some)));
    }
}
