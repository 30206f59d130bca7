//! `gatekeeper backup`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use gatekeeper::blocking::BackedUp;
use gatekeeper::{ErrorKind, GatekeeperError};
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Copy the database to a file, as of one moment, while it is in use.
///
/// The file is readable only by its owner, and appears when it is complete and on disk. The settings of gatekeeper.toml
/// are copied to FILE-config.toml. The secret that encrypts signing keys is not included: use --with-secret, or keep it
/// separately.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper backup /backups/gatekeeper-monday.db --with-secret\n\nTo restore: gatekeeper restore BACKUP. Never copy over the database itself."
)]
pub(crate) struct Backup {
    /// The file to create.
    file: PathBuf,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
    /// Copy the secret file beside the database to FILE-secret.
    #[arg(long)]
    with_secret: bool,
}

pub(crate) fn run(backup: &Backup, session: &Session) -> Result<(), Failure> {
    if session.config.is_remote() {
        let message =
            "a server's database is backed up on the server's machine: run `gatekeeper backup` there";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let request = gatekeeper::blocking::Backup {
        to: &backup.file,
        replace: backup.force,
        with_secret: backup.with_secret,
    };
    let output = session.output;
    let settings = &session.config.file().path;
    let config = settings.exists().then(|| config_of(&backup.file));
    if let Some(config) = config.as_ref().filter(|config| config.exists() && !backup.force) {
        let message = format!("\"{}\" already exists: name another file, or add --force", config.display());
        return Err(GatekeeperError::new(ErrorKind::Conflict, message).into());
    }
    let done = session.existing_database()?.backup(&request, &mut |done, all| {
        output.progress(&format!("{done} of {all} pages"));
    });
    output.end_progress();
    let done = done.map_err(|error| match error.kind() {
        ErrorKind::Conflict => GatekeeperError::new(
            ErrorKind::Conflict,
            format!("{}: name another file, or add --force", error.message()),
        ),
        _ => error,
    })?;
    if let Some(config) = &config {
        // Settings hold no secret, so the copy keeps the permissions of the original.
        fs::copy(settings, config).map_err(|error| {
            let message = format!("\"{}\" cannot be written: {error}", config.display());
            GatekeeperError::unavailable(message).caused_by(error)
        })?;
    }
    if output.json {
        return output::json(&json!({
            "file": backup.file.display().to_string(),
            "bytes": done.bytes,
            "config": config.as_ref().map(|path| path.display().to_string()),
            "secret": done.secret.as_ref().map(|path| path.display().to_string()),
        }));
    }
    output::line(&format!("{}: {} bytes", backup.file.display(), done.bytes))?;
    output.note(&about_secret(&done));
    Ok(())
}

/// The file that holds the settings of a backup.
pub(super) fn config_of(backup: &Path) -> PathBuf {
    let mut path = OsString::from(backup);
    path.push("-config.toml");
    path.into()
}

fn about_secret(done: &BackedUp) -> String {
    match (&done.secret, &done.secret_file) {
        (Some(copy), _) => format!("the secret is in {}: keep it private", copy.display()),
        (None, Some(file)) => format!(
            "the secret is not included: keep {} too, or use --with-secret; without it, users must log in again",
            file.display()
        ),
        (None, None) => "keep GATEKEEPER_SECRET too: without it, users must log in again".to_owned(),
    }
}
