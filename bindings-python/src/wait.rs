//! Blocks the calling thread on a future, in a way that Ctrl-C can interrupt.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use pyo3::prelude::*;

/// The longest time until a signal is handled.
const SLICE: Duration = Duration::from_millis(50);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The output of `future`, which is polled detached from the interpreter.
///
/// # Errors
/// The exception of a signal handler, such as `KeyboardInterrupt`. The future is then dropped.
pub(crate) fn block_on<T: Send>(py: Python<'_>, future: impl Future<Output = T> + Send) -> PyResult<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        let done = py.detach(|| {
            let mut context = Context::from_waker(&waker);
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return Some(done);
            }
            thread::park_timeout(SLICE);
            match future.as_mut().poll(&mut context) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            }
        });
        if let Some(done) = done {
            return Ok(done);
        }
        py.check_signals()?;
    }
}
