//! The suffixes of imported digests, cached: while there are none, a key with another format is unknown without a
//! look-up.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::fork::{ForkGuards, lock};
use crate::ipc::{Map, VersionCounters};
use crate::store::{IMPORTS, Store};

/// The suffixes in use; none if nothing was imported.
pub(super) type Suffixes = Option<Arc<[String]>>;

/// The suffixes must be read from the store.
pub(super) struct NotCached;

/// The cached suffixes.
#[derive(Default)]
pub(super) struct Imports {
    /// The version at which there were no suffixes, plus one; 0 for never.
    none_version: AtomicU64,
    /// The suffixes, with the version at which they were read.
    some: Mutex<Option<(u64, Arc<[String]>)>>,
}

impl Imports {
    /// The cached suffixes, if they are fresh by `version_counters`. They may include suffixes whose last key has expired
    /// since they were read.
    pub(super) fn cached(&self, version_counters: &VersionCounters<Map>) -> Result<Suffixes, NotCached> {
        let current = version_counters.of_known(&IMPORTS);
        if self.none_version.load(SeqCst) > current {
            return Ok(None);
        }
        match &*lock(&self.some) {
            Some((version, suffixes)) if *version >= current => Ok(Some(Arc::clone(suffixes))),
            _ => Err(NotCached),
        }
    }

    /// The suffixes in use at `wall_ms`, in Unix ms, from the store unless they are cached.
    pub(super) fn suffixes(
        &self,
        store: &Store,
        version_counters: &VersionCounters<Map>,
        wall_ms: u64,
    ) -> Result<Suffixes> {
        if let Ok(cached) = self.cached(version_counters) {
            return Ok(cached);
        }
        let now = i64::try_from(wall_ms).unwrap_or(i64::MAX);
        let read = store.imported_suffixes(version_counters, now)?;
        if read.found.is_empty() {
            self.none_version.fetch_max(read.number + 1, SeqCst);
            return Ok(None);
        }
        let suffixes: Arc<[String]> = read.found.into();
        let mut some = lock(&self.some);
        if some.as_ref().is_none_or(|(version, _)| *version <= read.number) {
            *some = Some((read.number, Arc::clone(&suffixes)));
        }
        Ok(Some(suffixes))
    }

    /// Holds the lock during a fork.
    pub(super) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.some)));
    }
}
