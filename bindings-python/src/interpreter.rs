//! Checks which interpreter imports the module. The only file of this crate with `unsafe` code.
#![allow(unsafe_code, reason = "PyO3 has no safe function that names the interpreter")]

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// The id of the main interpreter.
const MAIN: i64 = 0;

/// Checks that this is the main interpreter. The module's classes and exceptions exist once in a process, so a second
/// interpreter would share those of the first.
///
/// # Errors
/// `ImportError`, which names the settings of common servers.
pub(crate) fn check(py: Python<'_>) -> PyResult<()> {
    // SAFETY: both functions need a thread that is attached to an interpreter, which `py` proves.
    let current = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    match current {
        MAIN => Ok(()),
        ..0 => Err(PyErr::fetch(py)),
        _ => Err(PyImportError::new_err(
            "gatekeeper cannot be imported in a subinterpreter: import it in the main interpreter of the process. \
             mod_wsgi: set \"WSGIApplicationGroup %{GLOBAL}\". uWSGI: set \"single-interpreter = true\"",
        )),
    }
}
