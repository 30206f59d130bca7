//! A backup that becomes the database, also while processes use it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::Gatekeeper;
use super::backup::{Draft, cannot_be, check_target, copy};
use crate::backend::Embedded;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::store::Store;
use crate::vault::Vault;

/// What a database is restored from.
#[derive(Clone, Copy, Debug)]
pub struct Restore<'a> {
    /// The backup.
    pub from: &'a Path,
    /// Whether a database that is there is replaced. It is kept under another name.
    pub replace: bool,
    /// Whether to restore the secret from the backup's file, too. It replaces another one only where no process uses the
    /// database.
    pub with_secret: bool,
}

/// A database that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// How long the file is, in bytes.
    pub bytes: u64,
    /// Where the database before it is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// Where the secret was copied to.
    pub secret: Option<PathBuf>,
}

impl Gatekeeper {
    /// Replaces the database by a backup, in one step. Processes that use the database may go on running: within 100 ms they read
    /// the restored records and nothing else, and what was written before stays in the database that is kept. Calls
    /// that write meanwhile wait, and are rejected with `service_unavailable` where that takes longer than 5 s. The backup is
    /// checked before, and stays as it is. `progress` is called with how many of how many pages are done. For the operator
    /// only.
    ///
    /// ```
    /// use gatekeeper::blocking::Gatekeeper;
    /// use gatekeeper::{Backup, CreateKey, Restore};
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
    /// `forbidden` for anyone else; `bad_request` in memory, for a server, and for a file that is no backup; `conflict` where
    /// the database is there and is not to be replaced, and where processes use another secret than the backup's;
    /// `service_unavailable` where a file cannot be read or written.
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
        // Every process takes what it remembers for stale from now on.
        store.open_shared()?;
        tracing::warn!(event = "restored", database = %database.display(), "restored the database from a backup");
        Ok(Restored { bytes, kept, secret: secret.map(|(_, to)| to) })
    }
}

/// # Errors
/// `bad_request` for what cannot be a backup of this database.
fn check_backup(from: &Path, database: &Path) -> Result<()> {
    if !from.is_file() {
        let message = format!("\"{}\" is not there, or no file: name a backup", from.display());
        return Err(GatekeeperError::bad_request(message));
    }
    if from.canonicalize().is_ok_and(|from| database.canonicalize().is_ok_and(|to| from == to)) {
        return Err(GatekeeperError::bad_request(
            "the database cannot be restored from itself: name a backup",
        ));
    }
    Ok(())
}

/// The secret that is to be copied, and where to; none where there is nothing to copy.
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
            format!("\"{}\" is not there: restore without the secret, or put it there", from.display());
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

/// Gives the restored database its name. The one before is kept as `kept`; whether there was one.
fn exchange(store: &Store, database: &Path, kept: &Path, draft: Draft<'_>) -> Result<bool> {
    if !database.exists() {
        // The log of a database that was removed is not the restored one's.
        for log in
            ["-wal", "-shm"].map(|suffix| with_suffix(database, suffix)).iter().filter(|log| log.exists())
        {
            let aside = with_suffix(log, "-of-replaced");
            fs::rename(log, &aside).map_err(|error| cannot_be(&aside, "written", error))?;
        }
        return draft.filled(|_| Ok(())).map(|_| false);
    }
    // Says of which files it consists, so that its log is never taken for the restored one's.
    let _ = store.open_shared();
    let mut draft = Some(draft);
    let mut put = || draft.take().map_or(Ok(0), |draft| draft.filled(|_| Ok(()))).map(drop);
    let is_readable = store.while_nothing_is_written(|| {
        Draft::of(database, kept)?.filled(|copy| store.copy_to(copy, &mut |_, _| ()))?;
        put()
    })?;
    if !is_readable {
        // That may be why it is restored: its file is kept as it is.
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
