//! Gatekeeper for Python: the engine's values and errors as Python objects, and nothing else. What users import is the
//! package `gatekeeper`, in Python, above this module.
//!
//! Four rules hold everywhere: no panic crosses into Python, no lock of ours is held while Python runs, what may wait for
//! the disk or a server does so detached from the interpreter, and no thread of ours ever attaches to it.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "what Python shows is written as Python's documentation is"
)]

mod completion_queue;
mod convert;
mod core;
mod error;
mod guard;
mod interpreter;
mod key_manager;
mod notice;
mod verify_result;
mod wait;

use std::ffi::OsString;

use gatekeeper::ErrorKind;
use pyo3::prelude::*;

/// The native half of the package `gatekeeper`. Private: import `gatekeeper` instead.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // First of all: to add a class is to make it, once for all interpreters.
    interpreter::check(module.py())?;
    module.add_class::<core::Core>()?;
    module.add_class::<key_manager::KeyManager>()?;
    module.add_class::<completion_queue::Call>()?;
    module.add_class::<completion_queue::CompletionQueue>()?;
    module.add_class::<verify_result::VerifyResult>()?;
    // The version of the package, which is also that of the engine in it.
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(_run_vector, module)?)?;
    #[cfg(feature = "cli")]
    module.add_function(wrap_pyfunction!(_cli, module)?)?;
    module.add_function(wrap_pyfunction!(_error_table, module)?)
}

/// Answers one case of the language-neutral test vectors, JSON in and JSON out.
#[pyfunction]
fn _run_vector(py: Python<'_>, case: &str) -> PyResult<String> {
    guard::guarded(py, || gatekeeper::run_vector(case).map_err(|error| error::raised(py, &error)))
}

/// Runs the command line with these arguments, of which the first is the program's name; gives the exit code.
#[cfg(feature = "cli")]
#[pyfunction]
fn _cli(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    guard::guarded(py, || Ok(py.detach(|| gatekeeper_server::cli::run(arguments))))
}

/// The engine's table of errors: status, code, and the key manager's name for it, if it has one.
#[pyfunction]
fn _error_table() -> Vec<(u16, &'static str, Option<&'static str>)> {
    let kinds = ErrorKind::ALL.iter();
    kinds.map(|kind| (kind.status(), kind.code(), kind.key_manager())).collect()
}
