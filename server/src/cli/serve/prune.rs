//! Deletes expired rows while a server runs.

use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Prunes once an hour, the first time immediately. Never returns, except at shutdown.
pub(super) async fn follow(gatekeeper: Gatekeeper) {
    loop {
        let pruned = spawn_blocking({
            let gatekeeper = gatekeeper.clone();
            move || gatekeeper.prune(false)
        });
        match pruned.await {
            Ok(Ok(done)) => {
                tracing::info!(
                    rows = done.rows,
                    clamped = done.clamped,
                    held_back_ms = done.held_back_ms,
                    "pruned"
                );
            }
            Ok(Err(error)) => tracing::warn!(%error, "pruning failed; it is tried again in an hour"),
            // The server is shutting down.
            Err(_) => return,
        }
        sleep(INTERVAL).await;
    }
}
