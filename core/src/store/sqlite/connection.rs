//! Connections: opened with the settings every one of them needs.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};

use super::failure::Failure;
use super::migrate;
use super::wait::{PATIENCE, wait_for_locks};

/// A connection that reads, and what it last saw of other connections' commits.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// `PRAGMA data_version`: moves when another connection, of any process, has committed.
    version: i64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        // No value is 0: the first look finds a change.
        Ok(Self { connection: open(path)?, version: 0 })
    }

    /// The last change, if it was made by another program since this was asked last, and nobody was told of it.
    pub(super) fn foreign_change(&mut self) -> Result<Option<u64>, Failure> {
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version == self.version {
            return Ok(None);
        }
        let foreign = foreign_change(&self.connection)?;
        self.version = version;
        Ok(foreign)
    }
}

/// The last change in the snapshot of `connection`, if it is of another program and nobody was told of it.
pub(super) fn foreign_change(connection: &Connection) -> Result<Option<u64>, Failure> {
    let mut statement = connection.prepare_cached("SELECT number, announced FROM changes")?;
    let (number, announced): (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((number > announced).then_some(number.unsigned_abs()))
}

/// Says in the database that all changes up to this one are announced; which number it has.
pub(super) fn announce_in(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    let mut statement =
        transaction.prepare_cached("UPDATE changes SET announced = number RETURNING number")?;
    Ok(statement.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// The change number in the snapshot of `connection`.
pub(super) fn change_number(connection: &Connection) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached("SELECT number FROM changes")?;
    Ok(statement.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// The connection that writes: made durable, and migrated to the schema of this version.
pub(super) fn open_writer(path: Option<&Path>) -> Result<Connection, Failure> {
    let mut connection = match path {
        Some(path) => open(path)?,
        None => Connection::open_in_memory()?,
    };
    migrate::identify(&connection)?;
    if path.is_some() {
        use_wal(&connection)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate::migrate(&mut connection, migrate::MIGRATIONS)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection, Failure> {
    // No URI: a path with a `?` is a path. Each connection has a lock of ours around it.
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    wait_for_locks(&mut connection)?;
    Ok(connection)
}

/// A connection to a file that is there and ours, whatever the version of its schema: nothing is made or migrated.
pub(super) fn open_as_it_is(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    wait_for_locks(&mut connection)?;
    migrate::identify(&connection)?;
    Ok(connection)
}

/// Switches the file to a write-ahead log, in which readers never wait for a writer. SQLite does not wait for another
/// process here, which may be making the same file.
fn use_wal(connection: &Connection) -> Result<(), Failure> {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        match try_wal(connection) {
            Err(failure) if failure.is_busy() && waited < PATIENCE => thread::sleep(PAUSE),
            done => return done,
        }
        waited += PAUSE;
    }
}

fn try_wal(connection: &Connection) -> Result<(), Failure> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode.eq_ignore_ascii_case("wal") { Ok(()) } else { Err(Failure::NoWal) }
}
