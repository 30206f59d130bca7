//! A copy of the records, as they are at one moment.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::connection::open_as_it_is;
use super::{Failure, Store};
use crate::error::Result;
use crate::fork;
use crate::patience::{pause_for, uninterrupted};

/// How many pages are copied between two reports: about 4 MB.
const PAGES: i32 = 1000;
const PAUSE: Duration = Duration::from_millis(5);

impl Store {
    /// Copies everything into `target`, an empty file. Others go on reading and writing: what is copied is one snapshot.
    /// `progress` is called with how many of how many pages are done; a fork lets it begin again.
    pub(crate) fn copy_to(&self, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let Some(path) = self.path() else { return Ok(()) };
        loop {
            let is_whole = self.explained(uninterrupted(|| {
                let _copying = self.copying.lock()?;
                self.alone_in_process()?;
                copy(&open_as_it_is(path)?, target, progress)
            }))?;
            if is_whole {
                return Ok(());
            }
            fork::wait_until_done();
        }
    }
}

/// Copies until the copy is whole, or a fork is pending, which must not inherit the connections.
fn copy(source: &Connection, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<bool, Failure> {
    // Held until the end: what others commit meanwhile would begin the copy anew.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(target, flags)?;
    // Whoever asked for the copy writes it out once it is whole.
    copy.pragma_update(None, "synchronous", "OFF")?;
    copy.pragma_update(None, "journal_mode", "MEMORY")?;
    {
        let backup = Backup::new(&snapshot, &mut copy)?;
        loop {
            if fork::is_pending() {
                return Ok(false);
            }
            let step = backup.step(PAGES)?;
            let pages = backup.progress();
            let (all, left) = (pages.pagecount.unsigned_abs(), pages.remaining.unsigned_abs());
            progress(all.saturating_sub(left).into(), all.into());
            match step {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked => pause_for(PAUSE)?,
                _ => {}
            }
        }
    }
    // One file that says so of itself: nothing has to be beside it.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(true)
}
