//! A pool for work that blocks on the disk, with bounds on active work, waiting work, and waiting time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use gatekeeper::internal::Deadline;
use gatekeeper::{ErrorKind, GatekeeperError, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A bounded pool for blocking work.
pub(crate) struct BlockingPool {
    permits: Arc<Semaphore>,
    max_active: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
    max_wait: Duration,
}

impl BlockingPool {
    /// The pool for look-ups of keys that are not cached. A flood of unknown keys cannot use up the pool of other work.
    pub(crate) fn for_lookups() -> Self {
        Self::new(16, 256, Duration::from_millis(100))
    }

    /// The pool for all other work.
    pub(crate) fn for_work() -> Self {
        Self::new(256, 4096, Duration::from_secs(5))
    }

    fn new(max_active: usize, max_waiting: usize, max_wait: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(max_active));
        Self { permits, max_active, waiting: AtomicUsize::new(0), max_waiting, max_wait }
    }

    /// The number of tasks that are running.
    pub(crate) fn active(&self) -> usize {
        self.max_active.saturating_sub(self.permits.available_permits())
    }

    /// Runs `work` on a blocking thread, as soon as the pool has a free permit.
    ///
    /// # Errors
    /// The errors of the work, or `service_unavailable` if no permit was free in time; the work has then not run.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // The time spent waiting for a permit counts against the deadline of the work.
        let deadline = Deadline::from_now();
        let permit = self.permit(deadline).await?;
        // The permit is released when the work ends, even if the client disconnects earlier.
        let work = move || {
            let _permit = permit;
            deadline.run(work)
        };
        spawn_blocking(work).await.unwrap_or_else(|failed| Err(GatekeeperError::internal(failed)))
    }

    async fn permit(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _slot = QueueSlot::begin(self)?;
        match timeout(self.max_wait.min(deadline.remaining()), Arc::clone(&self.permits).acquire_owned())
            .await
        {
            Ok(permit) => permit.map_err(GatekeeperError::internal),
            Err(_) => Err(busy()),
        }
    }
}

/// A waiting task, counted until it is dropped.
struct QueueSlot<'a>(&'a BlockingPool);

impl<'a> QueueSlot<'a> {
    fn begin(pool: &'a BlockingPool) -> Result<Self> {
        let waiting = Self(pool);
        if pool.waiting.fetch_add(1, Relaxed) < pool.max_waiting { Ok(waiting) } else { Err(busy()) }
    }
}

impl Drop for QueueSlot<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

fn busy() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Busy, "too many concurrent requests: try again in a moment").after(1)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn work_waits_briefly_for_a_permit_and_is_then_rejected() {
        let pool = Arc::new(BlockingPool::new(1, 1, Duration::from_millis(50)));
        let (done, wait) = channel::<()>();
        let (begun, busy) = channel();
        let first = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                pool.run(move || {
                    begun.send(()).map_err(GatekeeperError::internal)?;
                    Ok(wait.recv().is_ok())
                })
                .await
            }
        });
        busy.recv().unwrap();
        assert_eq!(pool.active(), 1);
        // One task waits in vain; the other finds the queue full.
        let (one, other) = tokio::join!(pool.run(|| Ok(())), pool.run(|| Ok(())));
        for rejected in [one, other] {
            let rejected = rejected.unwrap_err();
            assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(1)));
        }
        done.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        assert!(pool.run(|| Ok(())).await.is_ok());
        assert_eq!(pool.waiting.load(Relaxed), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_disconnected_client_leaves_the_permit_to_its_work_until_that_ends() {
        let pool = Arc::new(BlockingPool::new(1, 1, Duration::from_millis(20)));
        let (done, wait) = channel::<()>();
        let (begun, busy) = channel();
        let work = {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                pool.run(move || {
                    begun.send(()).map_err(GatekeeperError::internal)?;
                    Ok(wait.recv().is_ok())
                })
                .await
            })
        };
        busy.recv().unwrap();
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        assert_eq!(pool.active(), 1);
        assert_eq!(pool.run(|| Ok(())).await.unwrap_err().kind(), ErrorKind::Busy);
        done.send(()).unwrap();
        // The permit is released on the thread that did the work.
        while pool.active() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.run(|| Ok(())).await.is_ok());
    }
}
