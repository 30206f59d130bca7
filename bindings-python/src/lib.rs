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

mod convert;
mod core;
mod error;
mod guard;
mod key_manager;
mod mailbox;
mod verify_result;
mod wait;

/// The native half of the package `gatekeeper`. Private: import `gatekeeper` instead.
#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::core::Core;
    #[pymodule_export]
    use crate::key_manager::KeyManager;
    #[pymodule_export]
    use crate::mailbox::{Call, Mailbox};
    #[pymodule_export]
    use crate::verify_result::VerifyResult;

    /// The version of the package, which is also that of the engine in it.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "a name that Python gives")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Answers one case of the language-neutral test vectors, JSON in and JSON out.
    #[pyfunction]
    fn _run_vector(py: Python<'_>, case: &str) -> PyResult<String> {
        crate::guard::guarded(py, || {
            gatekeeper::run_vector(case).map_err(|error| crate::error::raised(py, &error))
        })
    }

    /// Runs the command line with these arguments, of which the first is the program's name; gives the exit code.
    #[cfg(feature = "cli")]
    #[pyfunction]
    fn _cli(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> PyResult<u8> {
        crate::guard::guarded(py, || Ok(py.detach(|| gatekeeper_server::cli::run(arguments))))
    }

    /// The engine's table of errors: status, code, and the key manager's name for it, if it has one.
    #[pyfunction]
    fn _error_table() -> Vec<(u16, &'static str, Option<&'static str>)> {
        let kinds = gatekeeper::ErrorKind::ALL.iter();
        kinds.map(|kind| (kind.status(), kind.code(), kind.key_manager())).collect()
    }
}
