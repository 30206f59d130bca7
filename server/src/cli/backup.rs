//! `gatekeeper backup`.

use std::path::PathBuf;

use clap::Args;
use gatekeeper::{BackedUp, ErrorKind, GatekeeperError};
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Copies the database into a file, as it is at one moment, while it is in use.
///
/// The file is for its owner alone and appears once it is whole and on disk. The secret that signing keys are sealed
/// with is not in it: keep that too.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper backup /backups/gatekeeper-monday.db --with-secret\n\nTo restore, move a copy of the backup in the place of DATABASE (cp BACKUP NEW && mv NEW DATABASE), and copy its\nsecret over DATABASE-secret. Processes that use the database notice; never copy over the file itself."
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
    let done = session.place_that_is_there()?.backup(&asked, &mut |done, all| {
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
    if output.json {
        return output::json(&json!({
            "file": backup.file.display().to_string(),
            "bytes": done.bytes,
            "secret": done.secret.as_ref().map(|path| path.display().to_string()),
        }));
    }
    output::line(&format!("{}: {} bytes", backup.file.display(), done.bytes))?;
    output.note(&about_secret(&done));
    Ok(())
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
