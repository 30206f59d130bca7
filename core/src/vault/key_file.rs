//! The file with a database's secret, if none is given: next to the database, for the users who may write the
//! database.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Vault;
use crate::error::{GatekeeperError, Result};
use crate::id::KeyId;
use crate::ipc::give_to_writers_of;
use crate::secret::{Secret, random};

/// The secret next to `database`, if there is one.
pub(super) fn read_beside(database: &Path) -> Result<Option<Secret>> {
    read(&path_beside(database))
}

/// The secret next to `database`, and whether it was created just now. It is only created if `is_free` says that no
/// other process uses one.
pub(super) fn secret_beside(database: &Path, is_free: impl FnOnce() -> Result<()>) -> Result<(Secret, bool)> {
    let path = path_beside(database);
    if let Some(secret) = read(&path)? {
        return Ok((secret, false));
    }
    if let Err(error) = is_free() {
        // Another process has just created the file, so its secret is used.
        return read(&path)?.map(|secret| (secret, false)).ok_or(error);
    }
    let secret = Vault::new_secret()?;
    // Written completely under another name, then linked: no process reads a part of it, and the first of two wins.
    let draft = beside(database, &format!("-secret-{}", KeyId::from_bits(u128::from_be_bytes(random()?))));
    let made = write(&draft, database, &secret).and_then(|()| fs::hard_link(&draft, &path));
    let _ = fs::remove_file(&draft);
    match made {
        Ok(()) => Ok((secret, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let secret = read(&path)?.ok_or_else(|| cannot(&path, "has just been removed"))?;
            Ok((secret, false))
        }
        Err(error) => Err(cannot(&path, "cannot be created").caused_by(error)),
    }
}

/// The path of the secret of `database`, if none is given.
pub(super) fn path_beside(database: &Path) -> PathBuf {
    beside(database, "-secret")
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(suffix);
    path.into()
}

fn read(path: &Path) -> Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Secret::new(text.trim()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(path, "cannot be read").caused_by(error)),
    }
}

fn write(path: &Path, database: &Path, secret: &Secret) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // A database that does not exist yet will be created for its owner only, as this file is.
    let _ = give_to_writers_of(database, &file);
    file.write_all(secret.expose().as_bytes())?;
    file.sync_all()
}

fn cannot(path: &Path, what: &str) -> GatekeeperError {
    GatekeeperError::unavailable(format!(
        "the secret file \"{}\" {what}: give this user read and write access to it, or set GATEKEEPER_SECRET",
        path.display()
    ))
}
