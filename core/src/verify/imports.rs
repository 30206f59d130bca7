//! The suffixes that imported digests were made with, remembered: while there are none, what does not look like a key is
//! nobody's without a look-up.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use super::engine::Io;
use crate::error::Result;
use crate::fork::{Guards, lock};
use crate::shared::{Map, Words};
use crate::store::{IMPORTS, Store};

/// The suffixes in use; none where nothing was imported.
pub(super) type Suffixes = Option<Arc<[String]>>;

/// What is remembered of imports.
#[derive(Default)]
pub(super) struct Imports {
    /// The change number, plus one, under which there were none; 0 for never.
    none_as_of: AtomicU64,
    /// The change number under which there were these.
    some: Mutex<Option<(u64, Arc<[String]>)>>,
}

impl Imports {
    /// The suffixes in use at `now`, Unix ms, as fresh as `words` say; nothing if that would need I/O and `io` forbids it.
    /// One that is used no more since then may still be among them.
    pub(super) fn suffixes(
        &self,
        store: &Store,
        words: &Words<Map>,
        now: i64,
        io: Io,
    ) -> Result<Option<Suffixes>> {
        let word = words.of_known(&IMPORTS);
        if self.none_as_of.load(SeqCst) > word {
            return Ok(Some(None));
        }
        if let Some((as_of, suffixes)) = &*lock(&self.some)
            && *as_of >= word
        {
            return Ok(Some(Some(Arc::clone(suffixes))));
        }
        if io == Io::Forbidden {
            return Ok(None);
        }
        let read = store.imported_suffixes(words, now)?;
        if read.found.is_empty() {
            self.none_as_of.fetch_max(read.number + 1, SeqCst);
            return Ok(Some(None));
        }
        let suffixes: Arc<[String]> = read.found.into();
        let mut some = lock(&self.some);
        if some.as_ref().is_none_or(|(as_of, _)| *as_of <= read.number) {
            *some = Some((read.number, Arc::clone(&suffixes)));
        }
        Ok(Some(Some(suffixes)))
    }

    /// Holds the lock, for a fork.
    pub(super) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        guards.push(Box::new(lock(&self.some)));
    }
}
