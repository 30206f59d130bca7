//! `gatekeeper restore`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use gatekeeper::{ErrorKind, GatekeeperError};
use serde_json::json;

use super::backup::config_of;
use super::failure::Failure;
use super::output;
use super::session::Session;

/// Replace the database with a backup, in one step, even while programs use it.
///
/// Running programs switch to the restored database within 100 ms. The replaced database is kept as
/// DATABASE-before-TIME, with everything that was written to it. The backup is checked first and is not changed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper restore /backups/gatekeeper-monday.db --force\n  gatekeeper restore monday.db --with-secret --with-config --url sqlite:/var/lib/gatekeeper/gatekeeper.db\n\nA backup of an earlier version is migrated by the first program that reads or writes it: none has to be restarted."
)]
pub(crate) struct Restore {
    /// The backup file.
    file: PathBuf,
    /// Replace a database that exists, and keep it under another name.
    #[arg(long)]
    force: bool,
    /// Also restore the secret from FILE-secret. If that replaces a different secret, stop all programs first.
    #[arg(long)]
    with_secret: bool,
    /// Copy FILE-config.toml to the configuration file, unless that has other settings.
    #[arg(long)]
    with_config: bool,
}

pub(crate) fn run(restore: &Restore, session: &Session) -> Result<(), Failure> {
    if session.config.is_remote() {
        let message =
            "a server's database is restored on the server's machine: run `gatekeeper restore` there";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let output = session.output;
    let settings = &session.config.file().path;
    let config = if restore.with_config { new_config(&config_of(&restore.file), settings)? } else { None };
    let request = gatekeeper::blocking::Restore {
        from: &restore.file,
        replace: restore.force,
        with_secret: restore.with_secret,
    };
    let done = session.gatekeeper()?.restore(&request, &mut |done, all| {
        output.progress(&format!("{done} of {all} pages"));
    });
    output.end_progress();
    let done = done.map_err(|error| {
        let is_there = error.kind() == ErrorKind::Conflict && !restore.force;
        if is_there {
            let message =
                format!("{}: add --force to replace it; it is kept under another name", error.message());
            return GatekeeperError::new(ErrorKind::Conflict, message);
        }
        error
    })?;
    if let Some(text) = config {
        fs::write(settings, text).map_err(|error| cannot(settings, "written", error))?;
    }
    let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    if output.json {
        return output::json(&json!({
            "bytes": done.bytes, "kept": shown(&done.kept), "secret": shown(&done.secret),
        }));
    }
    output::line(&format!("restored {} bytes from {}", done.bytes, restore.file.display()))?;
    if let Some(kept) = shown(&done.kept) {
        output.note(&format!("the previous database is kept as {kept}"));
    }
    if done.secret.is_some() {
        output.note("the secret was also restored: start the programs that use the database");
    }
    Ok(())
}

/// The settings to write to the configuration file; `None` if it already has them.
///
/// # Errors
/// `conflict` if the configuration file has other settings.
fn new_config(from: &Path, to: &Path) -> Result<Option<Vec<u8>>, GatekeeperError> {
    let text = fs::read(from).map_err(|error| cannot(from, "read", error))?;
    match fs::read(to) {
        Ok(before) if before == text => Ok(None),
        Ok(_) => {
            let message =
                format!("\"{}\" has other settings: move it away, or omit --with-config", to.display());
            Err(GatekeeperError::new(ErrorKind::Conflict, message))
        }
        Err(_) => Ok(Some(text)),
    }
}

fn cannot(path: &Path, what: &str, error: std::io::Error) -> GatekeeperError {
    let message = format!("\"{}\" cannot be {what}: {error}", path.display());
    GatekeeperError::unavailable(message).caused_by(error)
}
