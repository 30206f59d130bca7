//! Converts verdicts to results. That for a valid key is native, the others are Python classes.

use std::ffi::CString;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{GatekeeperError, Result, Verdict};
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::error::to_py_err;
use crate::valid_key::ValidKey;

/// The result for a verdict, or for an error that the key manager returns as a result. Other errors are raised.
///
/// Only a key that is not valid causes a warning for the operator.
#[inline]
pub(crate) fn to_result<'py>(
    py: Python<'py>,
    gatekeeper: &Gatekeeper,
    verdict: Result<Verdict>,
) -> PyResult<Bound<'py, PyAny>> {
    match verdict {
        Ok(Verdict::InvalidKey) => {
            if gatekeeper.has_warning() {
                warn(py, gatekeeper)?;
            }
            invalid_key(py)
        }
        Ok(verdict) => ValidKey::create(py, verdict).map(Bound::into_any),
        Err(error) => failure(py, &error),
    }
}

/// The one result for all keys that are not valid.
fn invalid_key(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RESULT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RESULT.import(py, "gatekeeper.results", "INVALID_KEY").cloned()
}

#[cold]
fn failure<'py>(py: Python<'py>, error: &GatekeeperError) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(name) = error.kind().key_manager() else { return Err(to_py_err(py, error)) };
    CLASS.import(py, "gatekeeper.results", "VerifyFailure")?.call1((name, error.message()))
}

#[cold]
fn warn(py: Python<'_>, gatekeeper: &Gatekeeper) -> PyResult<()> {
    let Some(warning) = gatekeeper.take_warning() else { return Ok(()) };
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &CString::new(warning)?, 1)
}
