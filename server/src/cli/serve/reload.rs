//! Endpoints that change while a server runs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::sleep;

use crate::config::File;
use crate::http::ServedEndpoints;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads the file again when it has changed, and when asked to. Never ends.
pub(super) async fn follow(mut file: File, served: ServedEndpoints, mut hang_up: Signal) {
    let mut seen = stamp(&file.path);
    loop {
        let asked = tokio::select! {
            () = sleep(LOOK_EVERY) => false,
            _ = hang_up.recv() => true,
        };
        let now = stamp(&file.path);
        if !asked && now == seen {
            continue;
        }
        seen = now;
        file = reread(file, &served);
    }
}

fn reread(file: File, served: &ServedEndpoints) -> File {
    match file.again() {
        Ok(new) => {
            served.replace(new.endpoints.clone());
            let endpoints = new.endpoints.names().count();
            tracing::info!(file = %new.path.display(), endpoints, "the endpoints were read again");
            if !new.has_settings_of(&file) {
                tracing::warn!(
                    "other settings than endpoints have changed: they are in force after a restart"
                );
            }
            new
        }
        Err(error) => {
            tracing::error!(%error, "the endpoints cannot be read again: those before stay");
            file
        }
    }
}

/// What a file that has changed has another of; none where there is no file.
fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    let file = fs::metadata(path).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.size()))
}
