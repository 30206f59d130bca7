//! `gatekeeper backup`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use gatekeeper::{BackedUp, ErrorKind, GatekeeperError};
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Copies the database into a file, as it is at one moment, while it is in use.
///
/// The file is for its owner alone and appears once it is whole and on disk. The settings of gatekeeper.toml are copied to
/// FILE-config.toml. The secret that signing keys are sealed with is not in it: keep that too.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper backup /backups/gatekeeper-monday.db --with-secret\n\nTo restore: gatekeeper restore BACKUP. Never copy over the database itself."
)]
pub(crate) struct Backup {
    /// The file to make.
    file: PathBuf,
    /// Replaces a file that is there.
    #[arg(long)]
    force: bool,
    /// Copies the secret beside the database to FILE-secret.
    #[arg(long)]
    with_secret: bool,
}

pub(crate) fn run(backup: &Backup, session: &Session) -> Result<(), Failure> {
    if session.config.is_remote() {
        let message = "a server's database is backed up where it is: run `gatekeeper backup` on its machine";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let asked =
        gatekeeper::Backup { to: &backup.file, replace: backup.force, with_secret: backup.with_secret };
    let output = session.output;
    let settings = &session.config.file().path;
    let config = settings.exists().then(|| config_of(&backup.file));
    if let Some(config) = config.as_ref().filter(|config| config.exists() && !backup.force) {
        let message = format!("\"{}\" is there already: name another file, or add --force", config.display());
        return Err(GatekeeperError::new(ErrorKind::Conflict, message).into());
    }
    let done = session.existing_database()?.backup(&asked, &mut |done, all| {
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
        // Settings hold no secret: the file of them is as readable as the one it is copied from.
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

/// Where the settings are kept that belong to a backup.
pub(super) fn config_of(backup: &Path) -> PathBuf {
    let mut path = OsString::from(backup);
    path.push("-config.toml");
    path.into()
}

fn about_secret(done: &BackedUp) -> String {
    match (&done.secret, &done.secret_file) {
        (Some(copy), _) => format!("the secret is in {}: keep it from others", copy.display()),
        (None, Some(file)) => format!(
            "the secret is not in it: keep {} too, or use --with-secret; without it users have to log in again",
            file.display()
        ),
        (None, None) => "keep GATEKEEPER_SECRET too: without it users have to log in again".to_owned(),
    }
}
