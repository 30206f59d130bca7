//! Writes to Python's `logging`.

use gatekeeper::blocking::Gatekeeper;
use pyo3::prelude::*;

/// Logs, once, the path of a database file that a call has created. A logging handler that raises does not fail the
/// call.
pub(crate) fn log_created(py: Python<'_>, gatekeeper: &Gatekeeper) {
    let Some(path) = gatekeeper.take_created() else { return };
    let logged = py
        .import("logging")
        .and_then(|logging| logging.call_method1("getLogger", ("gatekeeper",)))
        .and_then(|log| log.call_method1("warning", ("created the database %s", path.display().to_string())));
    if let Err(error) = logged {
        error.write_unraisable(py, None);
    }
}
