//! Work that is awaited while a thread of ours does it.

use futures_channel::oneshot;

use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::offload::{Lane, offload};

/// Runs `work` on a thread that may wait for the disk. It is not begun if the future is dropped before.
///
/// # Errors
/// Those of the work; `service_unavailable` if no thread can be started.
pub(super) async fn offloaded<T: Send + 'static>(
    lane: Lane,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    offload(lane, move || {
        if !sender.is_canceled() {
            // It fails if the caller no longer waits.
            let _ = sender.send(work());
        }
    })?;
    receiver.await.unwrap_or_else(|_| {
        let message = "the work ended without a result";
        Err(GatekeeperError::new(ErrorKind::Internal, message))
    })
}
