//! A bounded pool for work that waits for the disk: so much at once; further work waits, but not too much of it and not for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use gatekeeper::{Deadline, ErrorKind, GatekeeperError, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Bounds what is done at once.
pub(crate) struct BlockingPool {
    permits: Arc<Semaphore>,
    most: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
    patience: Duration,
}

impl BlockingPool {
    /// Looking up keys that are not remembered: a flood of guesses leaves the disk to others.
    pub(crate) fn of_lookups() -> Self {
        Self::new(16, 256, Duration::from_millis(100))
    }

    /// All else.
    pub(crate) fn of_work() -> Self {
        Self::new(256, 4096, Duration::from_secs(5))
    }

    fn new(most: usize, max_waiting: usize, patience: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(most));
        Self { permits, most, waiting: AtomicUsize::new(0), max_waiting, patience }
    }

    /// How many are at work.
    pub(crate) fn busy(&self) -> usize {
        self.most.saturating_sub(self.permits.available_permits())
    }

    /// Does `work` on a thread that may wait, when it is its turn.
    ///
    /// # Errors
    /// Those of the work; `service_unavailable` where the turn does not come, and then nothing was done.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // What waits for its turn has so much less time to wait for the disk.
        let deadline = Deadline::from_now();
        let turn = self.turn(deadline).await?;
        // The turn ends with the work, not with a client who has hung up.
        let work = move || {
            let _turn = turn;
            deadline.run(work)
        };
        spawn_blocking(work).await.unwrap_or_else(|failed| Err(GatekeeperError::internal(failed)))
    }

    async fn turn(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(turn);
        }
        let _place = Waiting::begin(self)?;
        match timeout(self.patience.min(deadline.remaining()), Arc::clone(&self.permits).acquire_owned())
            .await
        {
            Ok(turn) => turn.map_err(GatekeeperError::internal),
            Err(_) => Err(busy()),
        }
    }
}

/// One who waits, until dropped.
struct Waiting<'a>(&'a BlockingPool);

impl<'a> Waiting<'a> {
    fn begin(turns: &'a BlockingPool) -> Result<Self> {
        let waiting = Self(turns);
        if turns.waiting.fetch_add(1, Relaxed) < turns.max_waiting { Ok(waiting) } else { Err(busy()) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

fn busy() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Busy, "too much is asked for at once: try again in a moment").after(1)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_comes_when_all_turns_are_taken_waits_a_little_and_is_then_told() {
        let turns = Arc::new(BlockingPool::new(1, 1, Duration::from_millis(50)));
        let (done, wait) = channel::<()>();
        let (begun, busy) = channel();
        let first = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move {
                turns
                    .run(move || {
                        begun.send(()).map_err(GatekeeperError::internal)?;
                        Ok(wait.recv().is_ok())
                    })
                    .await
            }
        });
        busy.recv().unwrap();
        assert_eq!(turns.busy(), 1);
        // One waits for its turn in vain; the other finds no room to wait.
        let (one, other) = tokio::join!(turns.run(|| Ok(())), turns.run(|| Ok(())));
        for rejected in [one, other] {
            let rejected = rejected.unwrap_err();
            assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(1)));
        }
        done.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        assert!(turns.run(|| Ok(())).await.is_ok());
        assert_eq!(turns.waiting.load(Relaxed), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_leaves_a_turn_to_the_work_until_that_is_done() {
        let turns = Arc::new(BlockingPool::new(1, 1, Duration::from_millis(20)));
        let (done, wait) = channel::<()>();
        let (begun, busy) = channel();
        let work = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                turns
                    .run(move || {
                        begun.send(()).map_err(GatekeeperError::internal)?;
                        Ok(wait.recv().is_ok())
                    })
                    .await
            })
        };
        busy.recv().unwrap();
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        assert_eq!(turns.busy(), 1);
        assert_eq!(turns.run(|| Ok(())).await.unwrap_err().kind(), ErrorKind::Busy);
        done.send(()).unwrap();
        // It is given back on the thread that worked.
        while turns.busy() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(turns.run(|| Ok(())).await.is_ok());
    }
}
