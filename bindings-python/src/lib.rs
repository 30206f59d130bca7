//! The native module of Gatekeeper for Python. It converts the engine's values and errors to Python objects. Users
//! import the Python package `gatekeeper`, which is built on it.
//!
//! Four rules apply everywhere: no panic crosses into Python; this module holds no lock while Python code runs; calls
//! that may wait for the disk or a server do so detached from the interpreter; the engine's threads never attach to it.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "doc comments become Python docstrings, which have another markup"
)]

mod completion_queue;
mod convert;
mod core;
mod error;
mod interpreter;
mod key_manager;
mod model;
mod notice;
mod panic;
mod valid_key;
mod verification;
mod verify_result;
mod wait;

use std::ffi::OsString;

use gatekeeper::{ErrorKind, GatekeeperError, Limit};
use pyo3::prelude::*;

/// The native half of the package `gatekeeper`. Private: import `gatekeeper` instead.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Before any class is added: that creates the class once for all interpreters.
    interpreter::check(module.py())?;
    module.add_class::<core::Core>()?;
    module.add_class::<key_manager::KeyManager>()?;
    module.add_class::<completion_queue::Call>()?;
    module.add_class::<completion_queue::CompletionQueue>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<valid_key::ValidKey>()?;
    module.add_class::<verification::PendingResult>()?;
    // The package and the engine have the same version.
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(_limit, module)?)?;
    module.add_function(wrap_pyfunction!(_run_vector, module)?)?;
    #[cfg(feature = "cli")]
    module.add_function(wrap_pyfunction!(_cli, module)?)?;
    module.add_function(wrap_pyfunction!(_error_table, module)?)
}

/// Validates a limit, given as text, or as a number of requests and milliseconds. Returns these two numbers.
#[pyfunction]
#[pyo3(signature = (limit, duration_ms = None))]
fn _limit(
    py: Python<'_>,
    limit: &Bound<'_, PyAny>,
    duration_ms: Option<&Bound<'_, PyAny>>,
) -> PyResult<(u32, u64)> {
    panic::catch_panic(py, || {
        let limit = match duration_ms {
            // An empty text is no limit, as what is no text is.
            None => limit.extract::<&str>().unwrap_or_default().parse::<Limit>().map_err(
                |error: GatekeeperError| GatekeeperError::bad_request(format!("limit {}", error.message())),
            ),
            // 0 is out of range, as what is no whole number is.
            Some(duration_ms) => Limit::new(
                convert::whole(limit).unwrap_or_default(),
                convert::whole(duration_ms).unwrap_or_default(),
            ),
        };
        let limit = limit.map_err(|error| error::to_py_err(py, &error))?;
        Ok((limit.max_req(), limit.duration_ms()))
    })
}

/// Runs one case of the language-neutral test vectors, from JSON to JSON.
#[pyfunction]
fn _run_vector(py: Python<'_>, case: &str) -> PyResult<String> {
    panic::catch_panic(py, || {
        gatekeeper::internal::run_vector(case).map_err(|error| error::to_py_err(py, &error))
    })
}

/// Runs the command line and returns its exit code. The first argument is the program's name.
#[cfg(feature = "cli")]
#[pyfunction]
fn _cli(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    panic::catch_panic(py, || Ok(py.detach(|| gatekeeper_server::cli::run(arguments))))
}

/// The engine's table of errors: the status, the code, and the key manager's name for the error if it has one.
#[pyfunction]
fn _error_table() -> Vec<(u16, &'static str, Option<&'static str>)> {
    let kinds = ErrorKind::ALL.iter();
    kinds.map(|kind| (kind.status(), kind.code(), kind.key_manager())).collect()
}
