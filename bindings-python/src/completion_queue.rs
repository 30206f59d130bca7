//! Delivers results to an event loop. The core's threads never attach to the interpreter: they push a result into a
//! queue and wake the event loop through a socket. The loop then collects the results.

use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::{BackgroundTask, Lane};
use gatekeeper::{GatekeeperError, Result};
use pyo3::prelude::*;

use crate::error::to_py_err;
use crate::panic::catch_panic;

/// Converts a result into a Python object, with the interpreter attached.
type Conversion = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A finished call: its ticket, and its result or exception.
type Completion = (u64, Option<Py<PyAny>>, Option<PyErr>);

/// The results of one event loop's calls. Private.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct CompletionQueue {
    completions: Arc<Completions>,
}

/// The queue and the socket that wakes the event loop. Both ends of the socket stay open for as long as a result may be
/// pushed: a write to a closed one would kill a program that does not ignore SIGPIPE.
struct Completions {
    finished: Mutex<Vec<(u64, Conversion)>>,
    wake_reader: UnixStream,
    wake_writer: UnixStream,
}

impl Completions {
    fn finished(&self) -> MutexGuard<'_, Vec<(u64, Conversion)>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, ticket: u64, conversion: Conversion) {
        let mut finished = self.finished();
        finished.push((ticket, conversion));
        if finished.len() == 1 {
            // The socket holds at most one unread byte, so this never blocks. If the loop is closed, the byte stays
            // unread.
            let _ = (&self.wake_writer).write(&[1]);
        }
    }
}

/// A call that has been started and can be aborted. Private.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct Call(BackgroundTask);

#[pymethods]
impl Call {
    /// Abort the call if it has not finished. A request to a server is cancelled; an operation on an embedded
    /// database is skipped unless it has started.
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
                completions: Arc::new(Completions { finished: Mutex::default(), wake_reader, wake_writer }),
            })
        };
        open().map_err(|error: std::io::Error| {
            to_py_err(
                py,
                &GatekeeperError::unavailable("cannot create a socket for the event loop").caused_by(error),
            )
        })
    }

    /// The file descriptor that is readable when there are results to collect.
    fn fileno(&self) -> i32 {
        self.completions.wake_reader.as_raw_fd()
    }

    /// The results since the last call: for each, its ticket, its value and its exception, one of which is None.
    fn collect(&self, py: Python<'_>) -> PyResult<Vec<Completion>> {
        catch_panic(py, || {
            let _ = (&self.completions.wake_reader).read(&mut [0; 16]);
            let finished = std::mem::take(&mut *self.completions.finished());
            let results = finished.into_iter().map(|(ticket, convert)| match convert(py) {
                Ok(value) => (ticket, Some(value), None),
                Err(error) => (ticket, None, Some(error)),
            });
            Ok(results.collect())
        })
    }
}

/// The destination of a result: a queue, and a ticket in it.
pub(crate) struct Receiver<'a>(pub(crate) &'a CompletionQueue, pub(crate) u64);

impl Receiver<'_> {
    /// Starts `work` in the background of `gatekeeper`. `convert` turns its result into a Python object when the event
    /// loop collects it.
    pub(crate) fn start<T: Send + 'static>(
        self,
        py: Python<'_>,
        gatekeeper: &Gatekeeper,
        lane: Lane,
        work: impl Future<Output = Result<T>> + Send + 'static,
        convert: impl FnOnce(Python<'_>, Result<T>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Call> {
        let Self(CompletionQueue { completions }, ticket) = self;
        let mut promise =
            Promise { completions: Arc::clone(completions), ticket, convert: Some(Box::new(convert)) };
        let task = gatekeeper.background(lane, async move { promise.settle(work.await) });
        task.map(Call).map_err(|error| to_py_err(py, &error))
    }
}

/// A ticket that always gets a result: if the work is dropped, an error. Without one, the event loop would wait for
/// ever.
struct Promise<T: Send + 'static> {
    completions: Arc<Completions>,
    ticket: u64,
    convert: Option<Convert<T>>,
}

type Convert<T> = Box<dyn FnOnce(Python<'_>, Result<T>) -> PyResult<Py<PyAny>> + Send>;

impl<T: Send + 'static> Promise<T> {
    fn settle(&mut self, result: Result<T>) {
        if let Some(convert) = self.convert.take() {
            self.completions.push(self.ticket, Box::new(|py| convert(py, result)));
        }
    }
}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        self.settle(Err(GatekeeperError::internal("a call was dropped before it finished")));
    }
}
