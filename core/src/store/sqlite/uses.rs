//! When keys were last used: written in batches, in passing. It alters no verdict, so nobody is told.

use rusqlite::{Connection, TransactionBehavior};

use super::Store;
use super::connection::Handle;
use super::failure::Failure;
use super::rows::{Rows, Tx};
use super::wait::{do_not_wait, wait_for_locks};
use crate::error::Result;
use crate::fork::try_lock;
use crate::id::KeyId;

impl Store {
    /// Writes when keys were last used, in Unix ms. Waits for a turn to write.
    pub(crate) fn write_uses(&self, uses: &[(KeyId, i64)]) -> Result<()> {
        self.write(|tx| note_all(tx, uses))
    }

    /// The same, if it can be done at once; false where another writer is at work, or none is open.
    pub(crate) fn write_uses_in_passing(&self, uses: &[(KeyId, i64)]) -> bool {
        let Some(mut writer) = try_lock(&self.writer) else { return false };
        let Some(Handle { connection, files }) = &mut *writer else { return false };
        if self.check_in_place(*files).is_err() {
            return false;
        }
        let written = do_not_wait(connection).map_err(Failure::from).and_then(|()| {
            // What a power cut undoes here is not worth a wait for the disk.
            set_durable(connection, self.path.is_none())?;
            write(connection, uses)
        });
        let restored =
            wait_for_locks(connection).map_err(Failure::from).and_then(|()| set_durable(connection, true));
        if restored.is_err() && self.path.is_some() {
            // It must not go on with other settings than it was opened with.
            *writer = None;
        }
        written.is_ok()
    }
}

fn set_durable(connection: &Connection, is_durable: bool) -> Result<(), Failure> {
    Ok(connection.pragma_update(None, "synchronous", if is_durable { "FULL" } else { "NORMAL" })?)
}

fn write(connection: &mut Connection, uses: &[(KeyId, i64)]) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    note_all(&Tx::silent(Rows::of(&transaction)), uses)?;
    Ok(transaction.commit()?)
}

fn note_all(tx: &Tx<'_>, uses: &[(KeyId, i64)]) -> Result<(), Failure> {
    uses.iter().try_for_each(|(id, used_at)| tx.note_use(*id, *used_at))
}
