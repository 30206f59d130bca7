//! Which interpreter imports the module. The one file of this crate with `unsafe` in it.
#![allow(unsafe_code, reason = "PyO3 has no safe function that names the interpreter")]

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// What Python numbers the main interpreter.
const MAIN: i64 = 0;

/// Checks that this is the main interpreter: the classes of this module, and the exceptions that it raises, exist once in
/// a process, so that a second interpreter would be handed those of the first one.
///
/// # Errors
/// `ImportError`, which names the settings that servers have for it.
pub(crate) fn check(py: Python<'_>) -> PyResult<()> {
    // SAFETY: `py` proves that this thread is attached to an interpreter, which is all that both functions ask for.
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
