//! Work that runs on a thread of the pool and is awaited.

use futures_channel::oneshot;

use crate::backend::Started;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::offload::{Lane, offload};

/// The result of a call that has begun. Its rest runs on a thread that may wait for the disk, unless a reply is awaited.
pub(super) async fn finished<T: Send + 'static>(lane: Lane, mut call: Started<T>) -> Result<T> {
    loop {
        call = match call {
            Started::Done(output) => return Ok(output),
            Started::Pending(rest) if rest.is_awaited() => return rest.finish().await,
            Started::Pending(rest) => offloaded(lane, move || rest.advance()).await?,
        };
    }
}

/// Runs `work` on a thread that may wait for the disk. If the future is dropped before the work starts, it does not run.
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
            // Sending fails if the caller no longer waits.
            let _ = sender.send(work());
        }
    })?;
    receiver.await.unwrap_or_else(|_| {
        let message = "the work ended without a result";
        Err(GatekeeperError::new(ErrorKind::Internal, message))
    })
}
