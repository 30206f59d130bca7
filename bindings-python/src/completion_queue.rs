//! Answers for an event loop. The threads of the core, on which calls wait, never attach to the interpreter: they leave an
//! answer here and wake the loop through a socket, and the loop collects it.

use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatekeeper::{BackgroundTask, Gatekeeper, GatekeeperError, Lane, Result};
use pyo3::prelude::*;

use crate::error::raised;
use crate::guard::guarded;

/// What becomes of an answer once the interpreter is there.
type Delivery = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A ticket, and what it gives or raises.
type Completion = (u64, Option<Py<PyAny>>, Option<PyErr>);

/// Where the answers of one event loop are left. Private.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct CompletionQueue {
    completions: Arc<Completions>,
}

/// Both ends of the socket stay open while an answer may be left: to write to one that is closed would kill a program that
/// does not ignore SIGPIPE.
struct Completions {
    answers: Mutex<Vec<(u64, Delivery)>>,
    wake_reader: UnixStream,
    wake_writer: UnixStream,
}

impl Completions {
    fn answers(&self) -> MutexGuard<'_, Vec<(u64, Delivery)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, ticket: u64, delivery: Delivery) {
        let mut answers = self.answers();
        answers.push((ticket, delivery));
        if answers.len() == 1 {
            // One byte at most waits to be read, so there is room for it; where the loop is gone, nobody reads it.
            let _ = (&self.wake_writer).write(&[1]);
        }
    }
}

/// A call under way, which can be given up. Private.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct Call(BackgroundTask);

#[pymethods]
impl Call {
    /// Give the call up, if it has not ended: a request to a server is broken off, and what waits for the disk is
    /// not begun, unless it has.
    fn abort(&self) {
        self.0.abort();
    }
}

#[pymethods]
impl CompletionQueue {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let open = || {
            let (wake_reader, wake_writer) = UnixStream::pair()?;
            wake_reader.set_nonblocking(true)?;
            wake_writer.set_nonblocking(true)?;
            Ok(Self {
                completions: Arc::new(Completions { answers: Mutex::default(), wake_reader, wake_writer }),
            })
        };
        open().map_err(|error: std::io::Error| {
            raised(py, &GatekeeperError::unavailable("no socket for an event loop").caused_by(error))
        })
    }

    /// What is readable when there are answers to collect.
    fn fileno(&self) -> i32 {
        self.completions.wake_reader.as_raw_fd()
    }

    /// The answers there are: for each its ticket, and what it gives or raises, the other of which is None.
    fn collect(&self, py: Python<'_>) -> PyResult<Vec<Completion>> {
        guarded(py, || {
            let _ = (&self.completions.wake_reader).read(&mut [0; 16]);
            let answers = std::mem::take(&mut *self.completions.answers());
            let delivered = answers.into_iter().map(|(ticket, delivery)| match delivery(py) {
                Ok(answer) => (ticket, Some(answer), None),
                Err(error) => (ticket, None, Some(error)),
            });
            Ok(delivered.collect())
        })
    }
}

/// Where an answer is to be left: a completion_queue, and a ticket in it.
pub(crate) struct Receiver<'a>(pub(crate) &'a CompletionQueue, pub(crate) u64);

impl Receiver<'_> {
    /// Starts `work`, which calls `gatekeeper`; what `deliver` makes of its answer is left there.
    pub(crate) fn start<T: Send + 'static>(
        self,
        py: Python<'_>,
        gatekeeper: &Gatekeeper,
        lane: Lane,
        work: impl Future<Output = Result<T>> + Send + 'static,
        deliver: impl FnOnce(Python<'_>, Result<T>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Call> {
        let Self(CompletionQueue { completions }, ticket) = self;
        let mut promise =
            Promise { completions: Arc::clone(completions), ticket, deliver: Some(Box::new(deliver)) };
        let task = gatekeeper.background(lane, async move { promise.keep(work.await) });
        task.map(Call).map_err(|error| raised(py, &error))
    }
}

/// That something is left under a ticket, whatever happens: a loop would wait for it for ever.
struct Promise<T: Send + 'static> {
    completions: Arc<Completions>,
    ticket: u64,
    deliver: Option<Deliver<T>>,
}

type Deliver<T> = Box<dyn FnOnce(Python<'_>, Result<T>) -> PyResult<Py<PyAny>> + Send>;

impl<T: Send + 'static> Promise<T> {
    fn keep(&mut self, answer: Result<T>) {
        if let Some(deliver) = self.deliver.take() {
            self.completions.leave(self.ticket, Box::new(|py| deliver(py, answer)));
        }
    }
}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        self.keep(Err(GatekeeperError::internal("a call ended without an answer")));
    }
}
