//! Reading a snapshot and writing a transaction. A change that can alter a verdict is published before the commit.

use rusqlite::TransactionBehavior;

use super::connection::{self, Handle, State};
use super::session::Session;
use super::wait::{do_not_wait, wait_for_locks};
use super::{Store, migrate};
use crate::deadline::wait_is_over;
use crate::error::{GatekeeperError, Result};
use crate::store::driver::{Failure, Rows, Tx};

impl Store {
    /// Reads from one snapshot.
    pub(crate) fn read_rows<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, Failure>) -> Result<T> {
        let mut read = Some(read);
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            // The first statement takes the snapshot, and waits for locks if it has to.
            connection::take_snapshot(&snapshot)?;
            once(&mut read)?(&Rows::of(Session::on(&snapshot)))
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
        let mut tx = Tx::of(Session::on(&transaction));
        let answer = once(write)?(&mut tx)?;
        let moved = self.move_in(&tx)?;
        let invalidations = tx.into_invalidations();
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
