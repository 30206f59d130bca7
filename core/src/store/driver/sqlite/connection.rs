//! Connections, opened with the settings that all of them need.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};

use super::session::Session;
use super::wait::wait_for_locks;
use super::{Error, migrate};
use crate::deadline;
use crate::ipc::{DatabaseFiles, Expected, Map, VersionCounters};
use crate::secret::random;
use crate::store::driver::{ChangeNumber, Failure, Rows};

/// A connection, and the files that it has open; none in memory.
pub(super) struct Handle {
    pub(super) connection: Connection,
    pub(super) files: Option<DatabaseFiles>,
}

impl Handle {
    /// The writing connection to the file at `path`, with durable commits and migrated to the schema of this
    /// version.
    pub(super) fn writer(path: &Path) -> Result<Self, Failure> {
        let mut handle = Self::open(path)?;
        prepare(&mut handle.connection, true)?;
        handle.with_files_at(path)
    }

    pub(super) fn writer_in_memory() -> Result<Self, Failure> {
        let mut connection = Connection::open_in_memory()?;
        prepare(&mut connection, false)?;
        Ok(Self { connection, files: None })
    }

    fn open(path: &Path) -> Result<Self, Failure> {
        let files = DatabaseFiles::at(path).ok();
        Ok(Self { connection: open(path)?, files })
    }

    /// The same connection, with the files that it has open now that it has read from them.
    fn with_files_at(self, path: &Path) -> Result<Self, Failure> {
        match (self.files, DatabaseFiles::at(path)) {
            (Some(_), Ok(files)) if self.has_database_at(path) => Ok(Self { files: Some(files), ..self }),
            _ => Err(Error::Moved.into()),
        }
    }

    /// Whether the database is still at this path.
    pub(super) fn has_database_at(&self, path: &Path) -> bool {
        self.files.is_none_or(|files| files.has_database_at(path))
    }

    /// Whether the database and its log are still at this path.
    pub(super) fn is_in_place(&self, path: &Path) -> bool {
        self.files.is_none_or(|files| files.are_at(path))
    }

    /// Closes a connection whose files are no longer those at `path`.
    pub(super) fn retire(self, path: &Path) {
        if !self.has_database_at(path) {
            // Commits belong to the file that was moved away, and its log is lost once another database has
            // replaced it.
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        self.close();
    }

    /// Closes without the checkpoint that the last connection makes.
    pub(super) fn close(self) {
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

/// A reading connection, and the last commit of other connections that it has seen.
pub(super) struct Reader {
    pub(super) handle: Handle,
    /// `PRAGMA data_version`: it changes when another connection, of any process, has committed.
    version: i64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let handle = Handle::open(path)?;
        // Opens the log too, whatever rows there are.
        handle.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        // `data_version` is never 0, so the first look finds a change.
        Ok(Self { handle: handle.with_files_at(path)?, version: 0 })
    }

    /// Changes that other programs have made since the last call, and that other processes do not know of
    /// yet.
    pub(super) fn news(&mut self, expected: Expected) -> Result<Option<News>, Failure> {
        let connection = &self.handle.connection;
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version == self.version {
            return Ok(None);
        }
        let news = State::of(connection)?.news(expected);
        self.version = version;
        Ok(news)
    }
}

/// The change counters of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// The number of the last change.
    pub(super) number: u64,
    /// The number of the last change that was published to every process.
    announced: u64,
    epoch: u64,
}

/// A change by another program, with the number of the last change.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    /// It has changed records.
    Changed(u64),
    /// It has restored the database, or replaced it.
    Restored(u64),
}

impl State {
    pub(super) fn of(connection: &Connection) -> Result<Self, Failure> {
        let state = Rows::of(Session::on(connection)).one(
            "SELECT number, announced, epoch FROM changes",
            &[],
            |row| {
                let (number, announced) = (row.get::<ChangeNumber>(0)?, row.get::<ChangeNumber>(1)?);
                let epoch = row.get::<i64>(2)?.unsigned_abs();
                Ok(Self { number: number.get(), announced: announced.get(), epoch })
            },
        )?;
        Ok(state.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
    }

    /// Whether the database was restored since `expected` was recorded.
    pub(super) fn is_restored(self, expected: Expected) -> bool {
        expected.excludes(self.number, self.epoch)
    }

    pub(super) fn news(self, expected: Expected) -> Option<News> {
        if self.is_restored(expected) {
            return Some(News::Restored(self.number));
        }
        (self.number > self.announced).then_some(News::Changed(self.number))
    }

    /// The number of the last change, if another program made it and it was not published.
    pub(super) fn foreign_change(self) -> Option<u64> {
        (self.number > self.announced).then_some(self.number)
    }
}

/// Records in the database that all changes are published, and returns the number of the last one.
pub(super) fn publish_in(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    change_number(transaction, "UPDATE changes SET announced = number RETURNING number")
}

/// The change number that a statement returns.
fn change_number(connection: &Connection, sql: &str) -> Result<u64, Failure> {
    let number = Rows::of(Session::on(connection)).one(sql, &[], |row| row.get::<ChangeNumber>(0))?;
    Ok(number.ok_or(rusqlite::Error::QueryReturnedNoRows)?.get())
}

/// Begins a new epoch, in the database and for every process: everything that was cached before is stale. The
/// transaction must hold the write lock.
pub(super) fn begin_epoch(
    transaction: &Transaction<'_>,
    version_counters: &VersionCounters<Map>,
) -> Result<(), Failure> {
    let number = next_number(transaction, version_counters)?;
    // It fits a column, and never equals the epoch of new version counters.
    let epoch = u64::from_le_bytes(random()?) >> 1;
    let (number_column, epoch_column) = (number.cast_signed(), epoch.cast_signed());
    transaction
        .prepare_cached("UPDATE changes SET number = $1, announced = $1, epoch = $2")?
        .execute([number_column, epoch_column])?;
    if version_counters.correct(number) {
        tracing::error!("corrected version counters with impossible values");
    }
    version_counters.publish_to_all(number);
    version_counters.set_epoch(epoch);
    Ok(())
}

/// A change number above every number that any process can have seen.
fn next_number(
    transaction: &Transaction<'_>,
    version_counters: &VersionCounters<Map>,
) -> Result<u64, Failure> {
    let number = State::of(transaction)?.number;
    let highest = match (number, version_counters.highest_plausible(number)) {
        (number, Some(highest)) => number.max(highest),
        (1.., None) => number,
        // Neither counter is usable: choose a number above any that can have been reached by now.
        (0, None) => change_number(transaction, "SELECT 1000 * unixepoch()")?,
    };
    Ok(highest.saturating_add(1))
}

/// Takes the snapshot of a transaction that has begun.
pub(super) fn take_snapshot(connection: &Connection) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM changes")?;
    Ok(statement.query_row([], |_| Ok(()))?)
}

fn prepare(connection: &mut Connection, is_file: bool) -> Result<(), Failure> {
    migrate::identify(connection)?;
    if is_file {
        use_wal(connection)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate::migrate(connection, migrate::MIGRATIONS)
}

/// A connection to an existing file. SQLite does not create one.
fn open(path: &Path) -> Result<Connection, Failure> {
    // Not a URI, so that a path may contain a `?`. No mutex, because each connection is behind a lock of ours.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    wait_for_locks(&mut connection)?;
    Ok(connection)
}

/// A connection to an existing database of ours of any schema version, without creating or migrating anything.
pub(super) fn open_as_it_is(path: &Path) -> Result<Connection, Failure> {
    let connection = open(path)?;
    migrate::identify(&connection)?;
    Ok(connection)
}

/// Switches the file to a write-ahead log, in which readers never wait for a writer. SQLite itself does not wait
/// here for another process that is creating the same file.
fn use_wal(connection: &Connection) -> Result<(), Failure> {
    const PAUSE: Duration = Duration::from_millis(5);
    loop {
        match try_wal(connection) {
            Err(failure) if failure.is_busy() && deadline::pause_for(PAUSE).is_ok() => {}
            done => return done,
        }
    }
}

fn try_wal(connection: &Connection) -> Result<(), Failure> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode.eq_ignore_ascii_case("wal") { Ok(()) } else { Err(Error::NoWal.into()) }
}
