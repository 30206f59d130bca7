//! Last-used times: moved into the database from the shared memory in which every process records them. They alter
//! no verdict, so the change is not published.

use rusqlite::{Connection, TransactionBehavior};

use super::Store;
use super::connection::Handle;
use super::session::Session;
use super::wait::{do_not_wait, wait_for_locks};
use crate::id::KeyId;
use crate::ipc::DatabaseFiles;
use crate::store::driver::{Failure, Tx};

/// The maximum number of times that a transaction moves.
const MAX_MOVED: usize = 1000;

impl Store {
    /// Writes some of the pending last-used times as a part of `tx`. Remove them from shared memory once `tx` has
    /// committed.
    pub(super) fn move_in(&self, tx: &Tx<'_>) -> Result<Vec<(KeyId, u64)>, Failure> {
        let waiting = self.shared.last_uses(MAX_MOVED);
        for (id, used_at) in &waiting {
            tx.set_last_used(*id, i64::try_from(*used_at).unwrap_or(i64::MAX))?;
        }
        Ok(waiting)
    }

    /// Moves some of the pending last-used times, unless another writer is working.
    pub(crate) fn move_last_uses(&self) {
        if self.shared.last_uses(1).is_empty() {
            return;
        }
        let Some(mut writer) = self.writer.try_lock() else { return };
        let Some(Handle { connection, files }) = &mut *writer else { return };
        let moved = do_not_wait(connection).map_err(Failure::from).and_then(|()| {
            // Losing these in a power cut is acceptable, so the commit does not wait for the disk.
            set_durable(connection, self.path.is_none())?;
            self.move_alone(connection, *files)
        });
        let restored =
            wait_for_locks(connection).map_err(Failure::from).and_then(|()| set_durable(connection, true));
        if restored.is_err() && self.path.is_some() {
            // Close the connection: its settings could not be restored.
            *writer = None;
        }
        self.shared.forget_last_uses(&moved.unwrap_or_default());
    }

    fn move_alone(
        &self,
        connection: &mut Connection,
        files: Option<DatabaseFiles>,
    ) -> Result<Vec<(KeyId, u64)>, Failure> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let moved = self.move_in(&Tx::of(Session::on(&transaction)))?;
        self.check_in_place(files)?;
        transaction.commit()?;
        Ok(moved)
    }
}

fn set_durable(connection: &Connection, is_durable: bool) -> Result<(), Failure> {
    Ok(connection.pragma_update(None, "synchronous", if is_durable { "FULL" } else { "NORMAL" })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Digest;
    use crate::store::NewKey;

    fn add(store: &Store, number: u128) -> KeyId {
        let id = KeyId::from_bits(number);
        let digest = Digest::of(&number.to_be_bytes());
        let new = NewKey::plain(id, &digest);
        assert!(store.write(|tx| tx.add_key(&new)).unwrap());
        id
    }

    fn touch(store: &Store, id: KeyId, used_at: u64) {
        let segment = store.open_shared().unwrap();
        store.shared.touch(segment, id, used_at, true);
    }

    /// The last-used time in the database.
    fn stored(store: &Store, id: KeyId) -> Option<i64> {
        store.read_rows(|rows| rows.key(id)).unwrap().unwrap().last_used_at
    }

    #[test]
    fn any_commit_moves_pending_times_and_keeps_the_latest_use() {
        let folder = tempfile::tempdir().unwrap();
        for store in [Store::on_file(folder.path().join("gatekeeper.db")), Store::in_memory().unwrap()] {
            let id = add(&store, 1);
            touch(&store, id, 5000);
            assert_eq!(stored(&store, id), None);
            add(&store, 2);
            assert_eq!(stored(&store, id), Some(5000));
            assert!(store.shared.last_uses(10).is_empty());

            touch(&store, id, 4000);
            add(&store, 3);
            assert_eq!(stored(&store, id), Some(5000), "another process saw a later use");
        }
    }

    #[test]
    fn a_commit_moves_a_bounded_number_of_times() {
        let store = Store::in_memory().unwrap();
        for number in 0..MAX_MOVED as u128 + 10 {
            touch(&store, KeyId::from_bits(number), 5000);
        }
        add(&store, u128::MAX);
        assert_eq!(store.shared.last_uses(usize::MAX).len(), 10);
    }

    #[test]
    fn while_another_writer_works_pending_times_are_read_from_shared_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatekeeper.db");
        let store = Store::on_file(path.clone());
        let id = add(&store, 1);
        touch(&store, id, 5000);
        let mut other = Connection::open(path).unwrap();
        let at_work = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        store.move_last_uses();
        let mut keys = [store.read_rows(|rows| rows.key(id)).unwrap().unwrap()];
        assert_eq!(keys[0].last_used_at, None);
        store.with_last_uses(&mut keys);
        assert_eq!(keys[0].last_used_at, Some(5000));

        at_work.rollback().unwrap();
        store.move_last_uses();
        assert_eq!(stored(&store, id), Some(5000));
        // Later commits are as durable as before.
        let durable: i64 = store.value_of("PRAGMA synchronous");
        assert_eq!(durable, 2);
    }
}
