//! Connections: opened with the settings every one of them needs.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use super::migrate;

/// How long a connection waits for another process's lock.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// A connection that reads, and what it last saw of other connections' commits.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// `PRAGMA data_version`: moves when another connection, of any process, has committed.
    version: i64,
    /// The change number, read after that.
    number: u64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let connection = open(path)?;
        // No value is 0: the first look reads the number.
        Ok(Self { connection, version: 0, number: 0 })
    }

    /// The change number in force. One that was committed before this call is seen by it. Waits no longer than `busy`
    /// for a process that repairs the file.
    pub(super) fn change_number_within(&mut self, busy: Duration) -> Result<u64, Failure> {
        self.connection.busy_timeout(busy)?;
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version != self.version {
            let number: i64 = self
                .connection
                .prepare_cached("SELECT number FROM changes")?
                .query_row([], |row| row.get(0))?;
            self.number = number.unsigned_abs();
            self.version = version;
        }
        Ok(self.number)
    }
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
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Switches the file to a write-ahead log, in which readers never wait for a writer.
fn use_wal(connection: &Connection) -> Result<(), Failure> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode.eq_ignore_ascii_case("wal") { Ok(()) } else { Err(Failure::NoWal) }
}
