//! Calls whose caller does not wait: where the disk or a server holds up none of the threads that the caller has.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{At, Gatekeeper};
use crate::error::Result;
pub use crate::offload::Lane;
use crate::offload::offload;
use crate::operation;
#[cfg(feature = "remote")]
use crate::remote::{self, Spawned};

impl Gatekeeper {
    /// Runs `work`, which calls this database or server: what may wait for the disk on a thread of its own, what waits for a server on
    /// the one thread that all requests share. It arrives now. For SDKs.
    ///
    /// # Errors
    /// `service_unavailable` where there is no thread to be had.
    #[doc(hidden)]
    pub fn background(
        &self,
        lane: Lane,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<BackgroundTask> {
        match &self.0 {
            At::Embedded(_) => {
                let is_given_up = Arc::new(AtomicBool::new(false));
                let known_there = Arc::clone(&is_given_up);
                offload(lane, move || {
                    if !known_there.load(Relaxed) {
                        pollster::block_on(work);
                    }
                })?;
                Ok(BackgroundTask(Task::Offloaded(is_given_up)))
            }
            #[cfg(feature = "remote")]
            At::Remote(_) => Ok(BackgroundTask(Task::Request(remote::spawn(work)?))),
        }
    }
}

/// Work that can be given up. It goes on when this is dropped.
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
    /// Gives the work up. What waits for a server is broken off; what waits for the disk is carried out if it has begun.
    pub fn abort(&self) {
        match &self.0 {
            Task::Offloaded(is_given_up) => is_given_up.store(true, Relaxed),
            #[cfg(feature = "remote")]
            Task::Request(request) => request.abort(),
        }
    }
}

impl Lane {
    /// That of the operation with this name.
    #[must_use]
    pub fn of_operation(name: &str) -> Self {
        match operation::find(name) {
            Some(descriptor) if descriptor.looks_up_key => Self::LookUp,
            _ => Self::Operation,
        }
    }
}
