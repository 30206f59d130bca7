//! Snapshots and transactions. The files next to this one add the statements for each kind of row.

use std::ops::Deref;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, TransactionBehavior};

use super::Store;
use super::connection::{self, Handle, State};
use super::failure::Failure;
use super::migrate;
use super::wait::{do_not_wait, wait_for_locks};
use crate::deadline::wait_is_over;
use crate::error::{GatekeeperError, Result};
use crate::ipc::Invalidation;
use crate::store::{Bounds, Part};

/// One snapshot of the records.
pub(crate) struct Rows<'a>(&'a Connection);

/// A transaction. Its changes are on disk when it succeeds; otherwise none is made.
pub(crate) struct Tx<'a> {
    rows: Rows<'a>,
    invalidations: Vec<Invalidation>,
}

impl Store {
    /// Reads from one snapshot.
    pub(crate) fn read_rows<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, Failure>) -> Result<T> {
        let mut read = Some(read);
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            // The first statement takes the snapshot, and waits for locks if it has to.
            connection::take_snapshot(&snapshot)?;
            once(&mut read)?(&Rows(&snapshot))
        })
    }

    /// Runs `write` in a transaction. An error rolls everything back. A change that can alter a verdict takes the
    /// next change number, by triggers of the schema, and is published as declared with [`Tx::publish`].
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>) -> Result<T> {
        let mut write = Some(write);
        self.with_handle(|handle| self.in_turn(|| self.write_with(handle, &mut write)))
    }

    /// Runs [`write`](Self::write) if no other thread or process is writing. Returns none if one is, or if no
    /// connection is open.
    pub(crate) fn write_if_free<T>(
        &self,
        write: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Option<Result<T>> {
        let mut writer = self.writer.try_lock()?;
        let handle = writer.as_mut()?;
        do_not_wait(&mut handle.connection).ok()?;
        let written = self.write_with(handle, &mut Some(write));
        let is_restored = wait_for_locks(&mut handle.connection).is_ok();
        if !is_restored && self.path.is_some() {
            // Close the connection: its settings could not be restored.
            *writer = None;
        }
        match written {
            Err(failure) if failure.is_busy() => None,
            written => Some(self.explained(written)),
        }
    }

    fn write_with<T>(
        &self,
        handle: &mut Handle,
        write: &mut Option<impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Handle { connection, files } = handle;
        if migrate::is_outdated(connection)? {
            migrate::migrate(connection, migrate::MIGRATIONS)?;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = State::of(&transaction)?;
        let mut tx = Tx { rows: Rows(&transaction), invalidations: Vec::new() };
        let answer = once(write)?(&mut tx)?;
        let moved = self.move_in(&tx)?;
        let invalidations = tx.invalidations;
        if !invalidations.is_empty() {
            let number = connection::publish_in(&transaction)?;
            let version_counters = &self.shared.open_or_make(number)?.version_counters;
            // Publish earlier changes of another program too: after this commit they would look published.
            before.foreign_change().inspect(|foreign| version_counters.publish_to_all(*foreign));
            if before.is_restored(version_counters.expected()) {
                connection::begin_epoch(&transaction, version_counters)?;
            }
            version_counters.publish(&invalidations, number);
        }
        // A commit to a file that was removed would be lost.
        self.check_in_place(*files)?;
        // Nothing that a verdict depends on follows the commit.
        transaction.commit()?;
        self.shared.forget_last_uses(&moved);
        Ok(answer)
    }
}

/// A closure that runs once, after everything that it had to wait for.
fn once<F>(run: &mut Option<F>) -> Result<F, Failure> {
    wait_is_over();
    Ok(run.take().ok_or_else(|| GatekeeperError::internal("a transaction was run twice"))?)
}

impl<'a> Rows<'a> {
    /// The rows as a transaction of `connection` sees them.
    pub(super) fn of(connection: &'a Connection) -> Self {
        Self(connection)
    }
}

impl Rows<'_> {
    pub(super) fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, Failure> {
        Ok(self.0.prepare_cached(sql)?)
    }

    /// The one row, if there is one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }

    /// Every row.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    /// The first rows, within `bounds`. `sql` must return one row more than `bounds` has, which shows that more
    /// rows follow.
    pub(super) fn within<T>(
        &self,
        bounds: Bounds,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Part<T>, Failure> {
        let mut statement = self.statement(sql)?;
        let columns = statement.column_count();
        let mut found = statement.query(params)?;
        let (mut rows, mut bytes) = (Vec::new(), 0_usize);
        while let Some(row) = found.next()? {
            if rows.len() >= bounds.rows as usize || bytes >= bounds.bytes {
                return Ok(Part { rows, has_more: true });
            }
            for column in 0..columns {
                bytes += size_of_value(row.get_ref(column)?);
            }
            rows.push(read(row)?);
        }
        Ok(Part { rows, has_more: false })
    }

    /// The first column of the one row, if there is one and it is not NULL.
    pub(super) fn value<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Option<T>, Failure> {
        Ok(self.statement(sql)?.query_row(params, |row| row.get(0)).optional()?.flatten())
    }
}

/// The size of a value in bytes.
fn size_of_value(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => size_of::<i64>(),
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Rows<'a>;

    fn deref(&self) -> &Rows<'a> {
        &self.rows
    }
}

impl<'a> Tx<'a> {
    /// A transaction whose changes are not published.
    pub(super) fn silent(rows: Rows<'a>) -> Self {
        Self { rows, invalidations: Vec::new() }
    }
}

impl Tx<'_> {
    /// Runs a statement. Returns the number of changed rows.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Failure> {
        Ok(self.statement(sql)?.execute(params)?)
    }

    /// Declares a change that can alter a verdict. It is published to every process before the transaction commits.
    pub(super) fn publish(&mut self, invalidation: Invalidation) {
        self.invalidations.push(invalidation);
    }
}
