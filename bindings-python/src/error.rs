//! Converts the engine's errors to Python exceptions. Their classes are written in Python, with attributes and
//! pickling.

use std::error::Error;

use gatekeeper::GatekeeperError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception for `error`: a subclass of `gatekeeper.GatekeeperError`.
#[cold]
pub(crate) fn to_py_err(py: Python<'_>, error: &GatekeeperError) -> PyErr {
    let cause = error.source().map(ToString::to_string);
    let details = error.details().map(ToString::to_string);
    let (status, code, message) = (error.status(), error.code(), error.message());
    let (retry_after, request_id) = (error.retry_after(), error.request_id());
    make_exception(py, "_from_core", (status, code, message, cause, retry_after, details, request_id))
}

/// The exception for `error`. If the key manager returns this error as a result, it is the private exception
/// `Rejected`, from which the façade makes that result.
#[cold]
pub(crate) fn to_rejection(py: Python<'_>, error: &GatekeeperError) -> PyErr {
    match error.kind().key_manager() {
        Some(name) => make_exception(py, "Rejected", (name, error.message())),
        None => to_py_err(py, error),
    }
}

fn make_exception<'py>(
    py: Python<'py>,
    factory: &'static str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyErr {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("gatekeeper.errors").map(Bound::unbind));
    let exception = module.and_then(|module| module.bind(py).getattr(factory)?.call1(arguments));
    exception.map_or_else(|failure| failure, PyErr::from_value)
}
