//! The engine's errors as Python exceptions. The classes are Python's own: real fields, and they pickle.

use std::error::Error;

use gatekeeper::GatekeeperError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception for `error`: a subclass of `gatekeeper.GatekeeperError`.
#[cold]
pub(crate) fn raised(py: Python<'_>, error: &GatekeeperError) -> PyErr {
    let cause = error.source().map(ToString::to_string);
    let details = error.details().map(ToString::to_string);
    let said = (error.status(), error.code(), error.message());
    let (retry_after, request_id) = (error.retry_after(), error.request_id());
    built(py, "_from_core", (said.0, said.1, said.2, cause, retry_after, details, request_id))
}

/// The same, but where the key manager answers with this error instead of failing, the private exception `Rejected`,
/// from which the façade makes that answer.
#[cold]
pub(crate) fn rejected_or_raised(py: Python<'_>, error: &GatekeeperError) -> PyErr {
    match error.kind().key_manager() {
        Some(name) => built(py, "Rejected", (name, error.message())),
        None => raised(py, error),
    }
}

fn built<'py>(py: Python<'py>, factory: &'static str, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("gatekeeper.errors").map(Bound::unbind));
    let built = module.and_then(|module| module.bind(py).getattr(factory)?.call1(arguments));
    built.map_or_else(|failure| failure, PyErr::from_value)
}
