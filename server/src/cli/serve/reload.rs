//! Reloads endpoints while a server runs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::sleep;

use crate::config::File;
use crate::http::ServedEndpoints;

/// How often the file is checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Reloads the file when it changes, and on SIGHUP. Never returns.
pub(super) async fn follow(mut file: File, served: ServedEndpoints, mut sighup: Signal) {
    let mut seen = stamp(&file.path);
    loop {
        let requested = tokio::select! {
            () = sleep(POLL_INTERVAL) => false,
            _ = sighup.recv() => true,
        };
        let now = stamp(&file.path);
        if !requested && now == seen {
            continue;
        }
        seen = now;
        file = reread(file, &served);
    }
}

fn reread(file: File, served: &ServedEndpoints) -> File {
    match file.reload() {
        Ok(new) => {
            served.replace(new.endpoints.clone());
            let endpoints = new.endpoints.names().count();
            tracing::info!(file = %new.path.display(), endpoints, "endpoints reloaded");
            if !new.has_same_settings_as(&file) {
                tracing::warn!(
                    "settings other than endpoints have changed: restart the server to apply them"
                );
            }
            new
        }
        Err(error) => {
            tracing::error!(%error, "the endpoints cannot be reloaded: the previous ones stay");
            file
        }
    }
}

/// What differs after a change of the file: inode, time and size; `None` if there is no file.
fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    let file = fs::metadata(path).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.size()))
}
