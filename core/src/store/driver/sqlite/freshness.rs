//! Freshness: how readers of the records use `ipc::VersionCounters` to keep caches valid.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use rusqlite::{Connection, TransactionBehavior};

use super::connection::{Handle, News, State, begin_epoch};
use super::session::Session;
use super::wait::{do_not_wait, wait_for_locks};
use super::{Store, migrate};
use crate::error::Result;
use crate::ipc::{Map, Segment, VersionCounters};
use crate::secret::Digest;
use crate::store::Versioned;
use crate::store::driver::{Failure, Rows};

/// How long a change that another program made in the file may go unnoticed.
const LOOK_EVERY_MS: u64 = 100;

impl Store {
    /// The shared segment, if it is open and current at `now_ms` of the boot clock. From time to time it also
    /// publishes changes that another program has made in the file. Returns none if no reader is open to check
    /// that, or if the file is no longer the one that is open.
    pub(crate) fn segment(&self, now_ms: u64) -> Result<Option<&Segment>> {
        let Some(segment) = self.shared.current(now_ms) else { return Ok(None) };
        if let Some(path) = &self.path
            && now_ms.saturating_sub(self.looked_ms.load(Relaxed)) >= LOOK_EVERY_MS
        {
            if !self.look(path, &segment.version_counters)? {
                return Ok(None);
            }
            self.looked_ms.store(now_ms, Relaxed);
        }
        Ok(Some(segment))
    }

    /// Opens the shared segment, and creates it if it does not exist.
    pub(crate) fn open_shared(&self) -> Result<&Segment> {
        if let Some(path) = &self.path {
            self.retire_moved(path);
            self.bring_up_to_date(path)?;
        }
        let segment = match self.shared.open()? {
            Some(segment) => segment,
            // The database first: the files next to it get its permissions.
            None => self.with_writer(|connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let state = State::of(&transaction)?;
                let segment = self.shared.open_or_make(state.number)?;
                if state.is_restored(segment.version_counters.expected()) {
                    begin_epoch(&transaction, &segment.version_counters)?;
                    transaction.commit()?;
                }
                Ok(segment)
            })?,
        };
        if let Some(path) = &self.path {
            let version_counters = &segment.version_counters;
            let expected = version_counters.expected();
            let (files, state) = self.with_reader(path, |reader| {
                Ok((reader.handle.files, State::of(&reader.handle.connection)?))
            })?;
            files.inspect(|files| self.shared.note_database_files(*files));
            if let Some(news) = state.news(expected) {
                publish(version_counters, news);
                if let News::Restored(_) = news {
                    // If this fails now, the next reader or writer does it.
                    self.settle(version_counters, version_counters.highest());
                }
            }
        }
        Ok(segment)
    }

    /// Migrates a database that was open while a backup of an earlier version was restored.
    fn bring_up_to_date(&self, path: &Path) -> Result<()> {
        if self.with_reader(path, |reader| migrate::is_outdated(&reader.handle.connection))? {
            self.with_writer(|connection| migrate::migrate(connection, migrate::MIGRATIONS))?;
        }
        Ok(())
    }

    /// Publishes changes of another program, using a reader that is open and idle. Returns false if there is none,
    /// if its files are no longer those of the database, or if the database has to be migrated first.
    fn look(&self, path: &Path, version_counters: &VersionCounters<Map>) -> Result<bool> {
        let mut some_open = false;
        for reader in &self.readers {
            // A busy reader is an open one.
            let Some(mut reader) = reader.try_lock() else {
                some_open = true;
                continue;
            };
            let Some(reader) = &mut *reader else { continue };
            if !reader.handle.is_in_place(path) {
                return Ok(false);
            }
            let expected = version_counters.expected();
            let news = do_not_wait(&mut reader.handle.connection)
                .map_err(Failure::from)
                .and_then(|()| reader.news(expected));
            match news {
                Ok(news) => news.inspect(|news| publish(version_counters, *news)),
                Err(failure) if failure.is_busy() => None,
                Err(_) if migrate::is_outdated(&reader.handle.connection).unwrap_or(false) => {
                    return Ok(false);
                }
                Err(failure) => return self.explained(Err(failure)),
            };
            return Ok(true);
        }
        Ok(some_open)
    }

    /// Reads the records of `digests` for the cache. If a writer died after publishing a change, that is settled
    /// first. `read` runs one statement, which returns the change number too.
    pub(in crate::store) fn read_of<T>(
        &self,
        digests: &[Digest],
        version_counters: &VersionCounters<Map>,
        read: impl Fn(&Rows<'_>) -> Result<Versioned<T>, Failure>,
    ) -> Result<Versioned<T>> {
        let read = |connection: &Connection| read(&Rows::of(Session::on(connection)));
        let mut found = self.read(&read)?;
        let counter =
            digests.iter().map(|digest| version_counters.of_unknown(digest)).max().unwrap_or_default();
        if found.number < counter && self.settle(version_counters, counter) {
            found = self.read(&read)?;
        }
        self.shared.saw(version_counters, found.number);
        Ok(found)
    }

    /// Raises the change number to `announced`, unless a writer is working on it: if its writer has died, the
    /// change never happened. Begins a new epoch if the database was restored. Returns false if a writer is working
    /// or the write fails now: then the record that was read may be used once, and not cached.
    fn settle(&self, version_counters: &VersionCounters<Map>, announced: u64) -> bool {
        let Some(mut writer) = self.writer.try_lock() else { return false };
        let Ok(Handle { connection, .. }) = self.open_writer(&mut writer) else { return false };
        let settled = do_not_wait(connection)
            .map_err(Failure::from)
            .and_then(|()| raise_number(connection, version_counters, announced));
        wait_for_locks(connection).is_ok() && settled.is_ok()
    }
}

/// Publishes a change of another program, so that every process drops what it read before.
fn publish(version_counters: &VersionCounters<Map>, news: News) {
    match news {
        News::Changed(number) => version_counters.publish_to_all(number),
        News::Restored(number) => {
            version_counters.publish_to_all(version_counters.highest().max(number).saturating_add(1));
        }
    }
}

/// Raises the change number to at least `announced`; if the database was restored or the version counters are
/// corrupt, to a number above all of them.
fn raise_number(
    connection: &mut Connection,
    version_counters: &VersionCounters<Map>,
    announced: u64,
) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let state = State::of(&transaction)?;
    // A number that no change can have published must never be used: no change could follow it.
    if state.is_restored(version_counters.expected())
        || !VersionCounters::<Map>::is_plausible(announced, state.number)
    {
        begin_epoch(&transaction, version_counters)?;
    } else if state.number < announced {
        transaction.execute("UPDATE changes SET number = $1, announced = $1", [announced.cast_signed()])?;
    } else {
        return Ok(());
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::backup::Backup;

    use super::*;
    use crate::clock::Clock;
    use crate::id::KeyId;
    use crate::ipc::Invalidation;
    use crate::store::NewKey;

    fn on_file() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::on_file(folder.path().join("gatekeeper.db"));
        (folder, store)
    }

    fn add(store: &Store, digest: &Digest) {
        let new = NewKey::plain(KeyId::from_bits(1), digest);
        assert!(store.write(|tx| tx.add_key(&new)).unwrap());
    }

    #[test]
    fn every_backend_reads_records_as_fresh_as_their_version_counter() {
        let (_folder, on_file) = on_file();
        for store in [on_file, Store::in_memory().unwrap()] {
            let digest = Digest::of(b"key");
            let version_counters = &store.open_shared().unwrap().version_counters;
            assert!(store.key_by_digest(&digest, version_counters).unwrap().found.is_none());
            let before = version_counters.of_unknown(&digest);
            add(&store, &digest);
            assert!(
                version_counters.of_unknown(&digest) > before,
                "an unknown key has to be looked up again"
            );
            let read = store.key_by_digest(&digest, version_counters).unwrap();
            assert!(read.found.is_some() && read.number >= version_counters.of_unknown(&digest));
            let known = version_counters.of_known(&digest);
            store.write(|tx| tx.delete_key(KeyId::from_bits(1))).unwrap();
            assert!(version_counters.of_known(&digest) > known);
        }
    }

    #[test]
    fn the_change_of_a_writer_that_died_is_settled_by_the_next_reader() {
        let (_folder, on_file) = on_file();
        for store in [on_file, Store::in_memory().unwrap()] {
            let digest = Digest::of(b"key");
            add(&store, &digest);
            let version_counters = &store.open_shared().unwrap().version_counters;
            version_counters
                .publish(&[Invalidation::Updated(digest)], version_counters.of_unknown(&digest) + 1);
            let read = store.key_by_digest(&digest, version_counters).unwrap();
            assert!(read.number >= version_counters.of_known(&digest), "it would be read again and again");
        }
    }

    /// Whether the change number of the database can be incremented.
    fn is_sound(store: &Store) -> bool {
        store.value_of("SELECT typeof(number) = 'integer' AND number BETWEEN 1 AND 1e6 FROM changes")
    }

    /// Runs a test on a file and in memory, each with one key. The test gets the store, the key's digest, the
    /// version counters, and the version of the key.
    fn with_key(test: impl Fn(&Store, &Digest, &VersionCounters<Map>, u64)) {
        let (_folder, on_file) = on_file();
        for store in [on_file, Store::in_memory().unwrap()] {
            let digest = Digest::of(b"key");
            add(&store, &digest);
            let version_counters = &store.open_shared().unwrap().version_counters;
            let read = store.key_by_digest(&digest, version_counters).unwrap().number;
            test(&store, &digest, version_counters, read);
        }
    }

    /// Deletes the key, and checks that what was cached at change `read` or before is stale.
    fn delete(store: &Store, digest: &Digest, version_counters: &VersionCounters<Map>, read: u64) {
        store.write(|tx| tx.delete_key(KeyId::from_bits(1))).unwrap();
        assert!(version_counters.of_known(digest) > read);
        assert!(store.key_by_digest(digest, version_counters).unwrap().found.is_none());
        assert!(is_sound(store));
    }

    #[test]
    fn a_corrupt_version_counter_is_corrected_and_never_written_into_the_database() {
        for garbage in [u64::MAX, u64::MAX >> 1, 1 << 60, 1 << 45] {
            with_key(|store, digest, version_counters, good| {
                for invalidation in [Invalidation::Updated(*digest), Invalidation::All] {
                    version_counters.publish(&[invalidation], garbage);
                    let read = store.key_by_digest(digest, version_counters).unwrap();
                    assert!(
                        read.number >= version_counters.of_known(digest),
                        "it would be read again and again"
                    );
                    assert!(read.number > good && is_sound(store), "{garbage}");
                }
                delete(store, digest, version_counters, good);
            });
        }
    }

    #[test]
    fn a_database_with_the_largest_change_number_recovers_and_keys_can_be_revoked() {
        for number in ["9223372036854775807", "9223372036854775808", "-1", "'text'", "1 << 60"] {
            with_key(|store, digest, version_counters, good| {
                store.run_script(&format!("UPDATE changes SET number = {number}"));
                let read = store.key_by_digest(digest, version_counters).unwrap();
                assert!(read.found.is_some(), "{number}");
                delete(store, digest, version_counters, good.max(read.number));
            });
        }
    }

    /// Restores a backup of an earlier version, as another program would.
    fn restore_earlier_version(folder: &Path) {
        let mut backup = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut backup, migrate::MIGRATIONS.get(..3).unwrap()).unwrap();
        let mut database = Connection::open(folder.join("gatekeeper.db")).unwrap();
        let restore = Backup::new(&backup, &mut database).unwrap();
        restore.run_to_completion(100, Duration::ZERO, None).unwrap();
    }

    #[test]
    fn a_backup_of_an_earlier_version_that_is_restored_while_it_is_open_is_migrated_by_the_next_look() {
        let (folder, store) = on_file();
        let digest = Digest::of(b"key");
        add(&store, &digest);
        let version_counters = &store.open_shared().unwrap().version_counters;
        let known = store.key_by_digest(&digest, version_counters).unwrap();
        assert!(known.found.is_some());
        restore_earlier_version(folder.path());
        let later = Clock::System.boot_ms() + LOOK_EVERY_MS;
        assert!(store.segment(later).unwrap().is_none(), "the database has to be migrated first");
        store.open_shared().unwrap();
        assert!(version_counters.of_known(&digest) > known.number, "the cached record is stale");
        assert!(store.key_by_digest(&digest, version_counters).unwrap().found.is_none());
    }

    #[test]
    fn a_backup_of_an_earlier_version_that_is_restored_while_it_is_open_is_migrated_by_the_next_write() {
        let (folder, store) = on_file();
        let digest = Digest::of(b"key");
        add(&store, &Digest::of(b"another key"));
        restore_earlier_version(folder.path());
        add(&store, &digest);
        let version_counters = &store.open_shared().unwrap().version_counters;
        assert!(store.key_by_digest(&digest, version_counters).unwrap().found.is_some());
    }

    #[test]
    fn while_a_writer_works_the_previous_record_is_used_and_not_settled() {
        let (folder, store) = on_file();
        let digest = Digest::of(b"key");
        add(&store, &digest);
        let version_counters = &store.open_shared().unwrap().version_counters;
        let mut other = Connection::open(folder.path().join("gatekeeper.db")).unwrap();
        let at_work = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        version_counters.publish(&[Invalidation::Updated(digest)], version_counters.of_unknown(&digest) + 1);
        let read = store.key_by_digest(&digest, version_counters).unwrap();
        assert!(read.found.is_some() && read.number < version_counters.of_known(&digest));
        at_work.rollback().unwrap();
        assert!(
            store.key_by_digest(&digest, version_counters).unwrap().number
                >= version_counters.of_known(&digest)
        );
    }
}
