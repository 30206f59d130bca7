//! Backups: copies of a database that is in use.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Gatekeeper;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::ipc::give_to_writers_of;
use crate::secret::random;
use crate::vault::Vault;

/// The settings of a backup.
#[derive(Clone, Copy, Debug)]
pub struct Backup<'a> {
    /// The file to create.
    pub to: &'a Path,
    /// Whether to replace an existing file, once the new one is complete.
    pub replace: bool,
    /// Whether to copy the secret file next to the database, too.
    pub with_secret: bool,
}

/// The completed backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The file that the secret was copied to.
    pub secret: Option<PathBuf>,
    /// The file of the database's secret, unless the secret was given as an option.
    pub secret_file: Option<PathBuf>,
}

impl Gatekeeper {
    /// Copies the records of a database file to another file, as of one moment, while other processes read and write.
    /// The copy is accessible to the users who may write the database (its owner, and its group if the mode says so),
    /// appears under its name once it is complete and on disk, and is itself a database that can be opened. `progress`
    /// receives the number of pages done and of all pages. For the operator only.
    ///
    /// ```
    /// use gatekeeper::blocking::Gatekeeper;
    /// use gatekeeper::blocking::Backup;
    /// # let folder = std::env::temp_dir().join(format!("gatekeeper-backup-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let (database, copy) = (folder.join("gatekeeper.db"), folder.join("copy.db"));
    /// let gatekeeper = Gatekeeper::open(database.to_str().unwrap())?;
    /// gatekeeper.create_root_key("Acme Inc")?;
    /// let backup = Backup { to: &copy, replace: false, with_secret: false };
    /// let done = gatekeeper.backup(&backup, &mut |_, _| ())?;
    /// assert_eq!(done.bytes, copy.metadata().unwrap().len());
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` in memory, and if there is nothing to copy; `conflict` if the file
    /// exists and `replace` is false; `service_unavailable` if a file cannot be read or written.
    pub fn backup(&self, backup: &Backup<'_>, progress: &mut dyn FnMut(u64, u64)) -> Result<BackedUp> {
        let embedded = self.embedded("backup")?;
        embedded.as_operator()?;
        let store = embedded.database().store();
        let Some(database) = store.path() else {
            return Err(GatekeeperError::bad_request("a database in memory cannot be backed up"));
        };
        if !database.exists() {
            return Err(GatekeeperError::bad_request(format!(
                "\"{}\" does not exist: there is nothing to back up",
                database.display()
            )));
        }
        let is_itself =
            backup.to.canonicalize().is_ok_and(|to| database.canonicalize().is_ok_and(|from| to == from));
        if is_itself {
            return Err(GatekeeperError::bad_request(
                "a backup cannot be the database itself: name another file",
            ));
        }
        let secret_file = Vault::secret_file(database);
        let secret = backup.with_secret.then(|| Vault::secret_file(backup.to));
        for file in [Some(backup.to), secret.as_deref()].into_iter().flatten() {
            check_target(file, backup.replace)?;
        }
        let bytes = Draft::of(database, backup.to)?.filled(|draft| store.copy_to(draft, progress))?;
        let secret = secret.filter(|_| secret_file.exists());
        if let Some(to) = &secret {
            Draft::of(database, to)?.filled(|draft| copy(&secret_file, draft))?;
        }
        Ok(BackedUp { bytes, secret, secret_file: secret_file.exists().then_some(secret_file) })
    }
}

pub(super) fn check_target(file: &Path, replace: bool) -> Result<()> {
    if file.is_dir() {
        return Err(GatekeeperError::bad_request(format!(
            "\"{}\" is a folder: name a file in it",
            file.display()
        )));
    }
    if !replace && file.symlink_metadata().is_ok() {
        let message = format!("\"{}\" already exists", file.display());
        return Err(GatekeeperError::new(ErrorKind::Conflict, message));
    }
    Ok(())
}

pub(super) fn copy(secret: &Path, draft: &Path) -> Result<()> {
    let text = Zeroizing::new(fs::read(secret).map_err(|error| cannot_be(secret, "read", error))?);
    let written = OpenOptions::new().write(true).open(draft).and_then(|mut file| file.write_all(&text));
    written.map_err(|error| cannot_be(draft, "written", error))
}

/// A file with a temporary name until it is complete. Users who may write the database may access it.
pub(super) struct Draft<'a> {
    path: PathBuf,
    target: &'a Path,
}

impl<'a> Draft<'a> {
    /// A file that becomes `target`, for users who may write `database`.
    pub(super) fn of(database: &Path, target: &'a Path) -> Result<Self> {
        let mut path = OsString::from(target);
        path.push(format!(".{:016x}.partial", u64::from_be_bytes(random()?)));
        let path = PathBuf::from(path);
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let new = new.map_err(|error| cannot_be(target, "made", error))?;
        let draft = Self { path, target };
        give_to_writers_of(database, &new).map_err(|error| cannot_be(target, "made", error))?;
        Ok(draft)
    }

    /// Its temporary path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the file to its target after `fill` has written it and it is on disk. Returns its size.
    pub(super) fn filled(self, fill: impl FnOnce(&Path) -> Result<()>) -> Result<u64> {
        fill(&self.path)?;
        self.publish().map_err(|error| cannot_be(self.target, "written", error))
    }

    fn publish(&self) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        file.sync_all()?;
        fs::rename(&self.path, self.target)?;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // The file does not exist if it was renamed.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn cannot_be(file: &Path, what: &str, error: io::Error) -> GatekeeperError {
    let message = format!("\"{}\" cannot be {what}: {error}", file.display());
    GatekeeperError::unavailable(message).caused_by(error)
}
