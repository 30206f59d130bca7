//! Restoring a database from a backup, also while processes use it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::Gatekeeper;
use super::backup::{Draft, cannot_be, check_target, copy};
use crate::backend::Embedded;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::store::Store;
use crate::vault::Vault;

/// The settings of a restore.
#[derive(Clone, Copy, Debug)]
pub struct Restore<'a> {
    /// The backup.
    pub from: &'a Path,
    /// Whether to replace an existing database. It is kept under another name.
    pub replace: bool,
    /// Whether to restore the secret from the backup's file, too. It replaces another one only if no process uses the
    /// database.
    pub with_secret: bool,
}

/// The restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The path of the previous database, if there was one.
    pub kept: Option<PathBuf>,
    /// The file that the secret was copied to.
    pub secret: Option<PathBuf>,
}

impl Gatekeeper {
    /// Replaces the database by a backup, atomically. Processes that use the database can keep running: within 100 ms they
    /// read only the restored records. Earlier writes stay in the previous database, which is kept. Calls that write during
    /// the restore wait, and are rejected with `service_unavailable` after 5 s. The backup is checked first and is not
    /// changed. `progress` receives the number of pages done and of all pages. For the operator only.
    ///
    /// ```
    /// use gatekeeper::blocking::Gatekeeper;
    /// use gatekeeper::blocking::{Backup, Restore};
    /// use gatekeeper::key_manager::CreateKey;
    /// # let folder = std::env::temp_dir().join(format!("gatekeeper-restore-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let (database, copy) = (folder.join("gatekeeper.db"), folder.join("copy.db"));
    /// let gatekeeper = Gatekeeper::open(database.to_str().unwrap())?;
    /// gatekeeper.create_root_key("Acme Inc")?;
    /// gatekeeper.backup(&Backup { to: &copy, replace: false, with_secret: false }, &mut |_, _| ())?;
    /// let later = gatekeeper.with_root_key(&gatekeeper.create_root_key("Acme Inc")?.key);
    /// let restore = Restore { from: &copy, replace: true, with_secret: false };
    /// let restored = gatekeeper.restore(&restore, &mut |_, _| ())?;
    /// assert!(restored.kept.is_some() && gatekeeper.has_root_key()?);
    /// assert!(later.call(CreateKey::new("user")).is_err());
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` in memory, for a server, and for a file that is not a backup;
    /// `conflict` if the database exists and `replace` is false, and if processes use another secret than the backup's;
    /// `service_unavailable` if a file cannot be read or written.
    pub fn restore(&self, restore: &Restore<'_>, progress: &mut dyn FnMut(u64, u64)) -> Result<Restored> {
        let embedded = self.embedded("restore")?;
        embedded.as_operator()?;
        let store = embedded.database().store();
        let Some(database) = store.path() else {
            return Err(GatekeeperError::bad_request("a database in memory cannot be restored: name a file"));
        };
        check_backup(restore.from, database)?;
        check_target(database, restore.replace)?;
        let secret = new_secret(embedded, restore, database)?;
        let users_of = if database.exists() { database } else { restore.from };
        let draft = Draft::of(users_of, database)?;
        Store::copy_backup(restore.from, draft.path(), progress)?;
        let kept = with_suffix(database, &format!("-before-{}", embedded.database().now() / 1000));
        let kept = exchange(store, database, &kept, draft)?.then_some(kept);
        let bytes = fs::metadata(database).map_err(|error| cannot_be(database, "read", error))?.len();
        if let Some((from, to)) = &secret {
            Draft::of(database, to)?.filled(|draft| copy(from, draft))?;
        }
        // From now on, every process treats its cached records as stale.
        store.open_shared()?;
        tracing::warn!(event = "restored", database = %database.display(), "restored the database from a backup");
        Ok(Restored { bytes, kept, secret: secret.map(|(_, to)| to) })
    }
}

/// # Errors
/// `bad_request` for a file that cannot be a backup of this database.
fn check_backup(from: &Path, database: &Path) -> Result<()> {
    if !from.is_file() {
        let message = format!("\"{}\" is not an existing file: name a backup", from.display());
        return Err(GatekeeperError::bad_request(message));
    }
    if from.canonicalize().is_ok_and(|from| database.canonicalize().is_ok_and(|to| from == to)) {
        return Err(GatekeeperError::bad_request(
            "the database cannot be restored from itself: name a backup",
        ));
    }
    Ok(())
}

/// The secret file to copy, and its target; none if there is nothing to copy.
fn new_secret(
    embedded: &Embedded,
    restore: &Restore<'_>,
    database: &Path,
) -> Result<Option<(PathBuf, PathBuf)>> {
    if !restore.with_secret {
        return Ok(None);
    }
    let (from, to) = (Vault::secret_file(restore.from), Vault::secret_file(database));
    let read = |path: &Path| match fs::read(path) {
        Ok(text) => Ok(Some(text.trim_ascii().to_vec())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot_be(path, "read", error)),
    };
    let Some(new) = read(&from)? else {
        let message =
            format!("\"{}\" does not exist: restore without the secret, or copy it there", from.display());
        return Err(GatekeeperError::bad_request(message));
    };
    if read(&to)?.is_some_and(|before| before == new) {
        return Ok(None);
    }
    if embedded.database().store().shared().secret_in_use()?.is_some() {
        let message = "running processes use the database with another secret than the backup's: stop all of them, then \
                       restore again";
        return Err(GatekeeperError::new(ErrorKind::Conflict, message));
    }
    Ok(Some((from, to)))
}

/// Renames the restored database to its path, and the previous one to `kept`. Returns whether there was one.
fn exchange(store: &Store, database: &Path, kept: &Path, draft: Draft<'_>) -> Result<bool> {
    if !database.exists() {
        // The log of a deleted database must not be applied to the restored one.
        for log in
            ["-wal", "-shm"].map(|suffix| with_suffix(database, suffix)).iter().filter(|log| log.exists())
        {
            let aside = with_suffix(log, "-of-replaced");
            fs::rename(log, &aside).map_err(|error| cannot_be(&aside, "written", error))?;
        }
        return draft.filled(|_| Ok(())).map(|_| false);
    }
    // Records its files, so that its log is never applied to the restored database.
    let _ = store.open_shared();
    let mut draft = Some(draft);
    let mut put = || draft.take().map_or(Ok(0), |draft| draft.filled(|_| Ok(()))).map(drop);
    let is_readable = store.while_nothing_is_written(|| {
        Draft::of(database, kept)?.filled(|copy| store.copy_to(copy, &mut |_, _| ()))?;
        put()
    })?;
    if !is_readable {
        // It may be damaged, which may be the reason for the restore. Its file is kept unchanged.
        fs::hard_link(database, kept).map_err(|error| cannot_be(kept, "written", error))?;
        put()?;
    }
    Ok(true)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}
