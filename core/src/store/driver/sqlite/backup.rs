//! Backups: copies of all records from one snapshot.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::connection::open_as_it_is;
use super::error::explain;
use super::{Failure, Store, migrate};
use crate::deadline::{self, GaveUp, pause_for, uninterrupted};
use crate::error::{GatekeeperError, Result};
use crate::fork;

/// The number of pages that are copied between two progress reports: about 4 MB.
const PAGES: i32 = 1000;
const PAUSE: Duration = Duration::from_millis(5);

impl Store {
    /// Copies everything into `target`, an empty file. The copy is one snapshot; other processes go on reading and
    /// writing. `progress` gets the number of copied pages and of all pages. A fork restarts the copy.
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

impl Store {
    /// Copies the backup `from` into `target`, an empty file, after checking it.
    ///
    /// # Errors
    /// `bad_request` for a file that is damaged or not a backup of this version or an earlier one;
    /// `service_unavailable` if it cannot be read.
    pub(crate) fn copy_backup(from: &Path, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let copied: Result<_, Failure> = deadline::call(|| {
            let source = open_as_it_is(from)?;
            migrate::check_version(&source)?;
            let is_whole = copy(&source, target, progress)?;
            drop(source);
            let sound: String =
                Connection::open(target)?.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            Ok((is_whole, sound == "ok"))
        });
        match copied {
            Ok((true, true)) => Ok(()),
            // A fork interrupted it.
            Ok((false, _)) => Err(GaveUp::explain("the backup", "process")),
            Ok((true, false)) => Err(no_backup(from, None)),
            Err(failure) if is_no_database(&failure) => {
                Err(no_backup(from, Some(explain(failure, Some(from)))))
            }
            Err(failure) => Err(explain(failure, Some(from))),
        }
    }

    /// Runs `run` while no process writes to the database. Returns false without running it if the file is not a
    /// readable database.
    pub(crate) fn while_nothing_is_written(&self, run: impl FnOnce() -> Result<()>) -> Result<bool> {
        let Some(path) = self.path() else { return Ok(false) };
        let ran: Result<(), Failure> = deadline::call(|| {
            let mut connection = open_as_it_is(path)?;
            // Closing must not delete the log: by then it may belong to another database.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            let _lock = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            run().map_err(Failure::from)
        });
        match ran {
            Ok(()) => Ok(true),
            Err(failure) if is_no_database(&failure) => Ok(false),
            Err(failure) => self.explained(Err(failure)),
        }
    }
}

/// Whether the file is no database that this version can read.
fn is_no_database(failure: &Failure) -> bool {
    matches!(failure, Failure::Engine(error) if error.is_no_database())
}

fn no_backup(from: &Path, cause: Option<GatekeeperError>) -> GatekeeperError {
    let message = format!(
        "\"{}\" is not a complete backup that this version can read: choose another one, or upgrade gatekeeper-native if a newer \
         version wrote it",
        from.display()
    );
    match cause {
        Some(cause) => GatekeeperError::bad_request(message).caused_by(cause),
        None => GatekeeperError::bad_request(message),
    }
}

/// Copies until the copy is complete or a fork is pending, because a child must not inherit the connections.
fn copy(source: &Connection, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<bool, Failure> {
    // Held until the end: otherwise a commit of another connection would restart the copy.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(target, flags)?;
    // The caller syncs the copy once it is complete.
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
    // A single file in rollback mode: it needs no log next to it.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(true)
}
