//! A file of a generation that a process has open: opened at first use, and again after a fork.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Segment, Shared};
use crate::deadline::{GaveUp, TimedMutex, uninterrupted};
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, lock};

/// The open file, as `T`. One thread at a time uses it, for a moment; to open it may take a wait for another process.
pub(crate) struct SegmentFile<T> {
    /// Under its path.
    open: Mutex<Option<(PathBuf, T)>>,
    /// Held by the one who opens it.
    opening: TimedMutex<()>,
}

impl<T> Default for SegmentFile<T> {
    fn default() -> Self {
        Self { open: Mutex::default(), opening: TimedMutex::default() }
    }
}

impl<T> SegmentFile<T> {
    /// Uses the file at `path`; none where it is not open. After an error, the next call begins with a file just opened.
    pub(crate) fn try_use<R>(
        &self,
        path: &Path,
        use_it: impl FnOnce(&mut T) -> heed::Result<R>,
    ) -> Result<Option<R>> {
        let mut known = lock(&self.open);
        let Some((_, open)) = known.as_mut().filter(|(open, _)| is_same(open, path)) else { return Ok(None) };
        match use_it(open) {
            Ok(used) => Ok(Some(used)),
            Err(error) => {
                *known = None;
                Err(explain(error, path))
            }
        }
    }

    /// Uses the file at `path`, which is opened if it is not; none where `is_of` does not find it in the current
    /// generation.
    pub(crate) fn use_waiting<R>(
        &self,
        path: &Path,
        shared: &Shared,
        is_of: impl Fn(&Segment) -> bool,
        make: impl Fn(&Path) -> heed::Result<T>,
        mut use_it: impl FnMut(&mut T) -> heed::Result<R>,
    ) -> Result<Option<R>> {
        uninterrupted(|| {
            if self.open(path, shared, &is_of, &make)? { self.try_use(path, &mut use_it) } else { Ok(None) }
        })
    }

    fn open(
        &self,
        path: &Path,
        shared: &Shared,
        is_of: impl Fn(&Segment) -> bool,
        make: impl Fn(&Path) -> heed::Result<T>,
    ) -> Result<bool> {
        let _opening = self.opening.lock().map_err(|GaveUp| GaveUp::explain(&folder_of(path), "process"))?;
        {
            let mut open = lock(&self.open);
            if open.as_ref().is_some_and(|(open, _)| is_same(open, path)) {
                return Ok(true);
            }
            // Closed before another is opened: LMDB's locks belong to the process.
            *open = None;
        }
        // Locks the generation against being replaced for as long as it is open.
        if !shared.open()?.is_some_and(is_of) {
            return Ok(false);
        }
        match make(path) {
            Ok(opened) => *lock(&self.open) = Some((path.to_owned(), opened)),
            // It was damaged and is gone: another generation is made.
            Err(heed::Error::Mdb(_)) if !path.exists() => return Ok(false),
            Err(error) => return Err(explain(error, path)),
        }
        Ok(true)
    }

    pub(crate) fn close(&self) {
        *lock(&self.open) = None;
    }

    /// Keeps the file from being opened over a fork.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.opening.quiesce(guards, |()| {});
    }

    /// Holds the lock and closes the file, whose locks must not cross a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>)
    where
        T: Send,
    {
        let mut open = lock(&self.open);
        *open = None;
        guards.push(Box::new(open));
    }

    #[cfg(test)]
    pub(crate) fn with_open<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut lock(&self.open).as_mut().unwrap().1)
    }
}

/// Whether both were made in the same way. `Path` compares part by part, which takes longer.
fn is_same(one: &Path, other: &Path) -> bool {
    one.as_os_str() == other.as_os_str()
}

/// The folder of a file, quoted.
fn folder_of(path: &Path) -> String {
    format!("\"{}\"", path.parent().unwrap_or(path).display())
}

#[cold]
fn explain(error: heed::Error, path: &Path) -> GatekeeperError {
    let folder = folder_of(path);
    let message = match &error {
        heed::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            return GaveUp::explain(&folder, "process");
        }
        heed::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            format!("the disk that holds {folder} is full: make room")
        }
        heed::Error::Io(_) => format!("{folder} cannot be used now: see the cause of this error"),
        _ => format!(
            "what is counted in {folder} cannot be read: remove that folder, and every window starts empty"
        ),
    };
    GatekeeperError::unavailable(message).caused_by(error)
}
