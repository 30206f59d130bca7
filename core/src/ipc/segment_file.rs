//! A file of a segment, opened by a process at first use, and again after a fork.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Segment, Shared};
use crate::deadline::{GaveUp, TimedMutex, uninterrupted};
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, lock};

/// The open file, as `T`. One thread at a time uses it, briefly. Opening it may wait for another process.
pub(crate) struct SegmentFile<T> {
    /// The open file and its path.
    open: Mutex<Option<(PathBuf, T)>>,
    /// Held by the thread that opens the file.
    opening: TimedMutex<()>,
}

impl<T> Default for SegmentFile<T> {
    fn default() -> Self {
        Self { open: Mutex::default(), opening: TimedMutex::default() }
    }
}

impl<T> SegmentFile<T> {
    /// Uses the file at `path`. Returns none if it is not open. After an error, the next call opens the file again.
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

    /// Uses the file at `path`, which is opened if necessary. Returns none if `is_of` does not find it in the
    /// current segment.
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
            // Close the file before another one is opened: LMDB's locks belong to the process.
            *open = None;
        }
        // Locks the segment for as long as the file is open, so that it cannot be replaced.
        if !shared.open()?.is_some_and(is_of) {
            return Ok(false);
        }
        match make(path) {
            Ok(opened) => *lock(&self.open) = Some((path.to_owned(), opened)),
            // The file was damaged and has been deleted: another segment will be created.
            Err(heed::Error::Mdb(_)) if !path.exists() => return Ok(false),
            Err(error) => return Err(explain(error, path)),
        }
        Ok(true)
    }

    pub(crate) fn close(&self) {
        *lock(&self.open) = None;
    }

    /// Prevents the file from being opened during a fork.
    pub(crate) fn quiesce_slow<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.opening.quiesce(guards, |()| {});
    }

    /// Takes the lock and closes the file: its locks must not cross a fork.
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

/// Whether two paths are equal byte by byte. `Path` compares them by components, which is slower.
fn is_same(one: &Path, other: &Path) -> bool {
    one.as_os_str() == other.as_os_str()
}

/// The folder of a file, in quotes.
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
            format!("the disk that holds {folder} is full: free some space")
        }
        heed::Error::Io(_) => format!("{folder} cannot be used now: see the cause of this error"),
        _ => format!(
            "the counters in {folder} cannot be read: remove that folder, and every window starts empty"
        ),
    };
    GatekeeperError::unavailable(message).caused_by(error)
}
