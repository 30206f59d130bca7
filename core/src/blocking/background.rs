//! Calls of an SDK that run in the background: neither the disk nor a server blocks a thread of the host.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{Gatekeeper, wait};
#[cfg(feature = "remote")]
use crate::backend;
#[cfg(feature = "remote")]
use crate::backend::Spawned;
use crate::error::Result;
use crate::offload::{Lane, offload};

impl Gatekeeper {
    /// Runs `work`, a call of this backend, on a thread that may wait for the disk, or on the thread of HTTP requests.
    /// Its deadline counts from now.
    ///
    /// # Errors
    /// `service_unavailable` if no thread can be started.
    #[doc(hidden)]
    pub fn background(
        &self,
        lane: Lane,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<BackgroundTask> {
        #[cfg(feature = "remote")]
        if self.is_remote() {
            return Ok(BackgroundTask(Task::Request(backend::spawn(work)?)));
        }
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let cancelled = Arc::clone(&is_cancelled);
        offload(lane, move || {
            if !cancelled.load(Relaxed) {
                wait(work);
            }
        })?;
        Ok(BackgroundTask(Task::Offloaded(is_cancelled)))
    }
}

/// Work that can be cancelled. It goes on when this is dropped.
#[doc(hidden)]
#[derive(Debug)]
pub struct BackgroundTask(Task);

#[derive(Debug)]
enum Task {
    Offloaded(Arc<AtomicBool>),
    #[cfg(feature = "remote")]
    Request(Spawned),
}

impl BackgroundTask {
    /// Cancels the work: a request to a server at once, work on a database if it has not started.
    pub fn abort(&self) {
        match &self.0 {
            Task::Offloaded(is_cancelled) => is_cancelled.store(true, Relaxed),
            #[cfg(feature = "remote")]
            Task::Request(request) => request.abort(),
        }
    }
}
