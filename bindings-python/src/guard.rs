//! No panic crosses: it would be a `BaseException`, which `except Exception` misses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gatekeeper::GatekeeperError;
use pyo3::prelude::*;

use crate::error::raised;

/// Runs an entry; a panic in it becomes the `internal` error.
pub(crate) fn guarded<T>(py: Python<'_>, entry: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // Nothing of a call outlives it but the engine, whose critical sections keep their data whole.
    catch_unwind(AssertUnwindSafe(entry))
        .unwrap_or_else(|_| Err(raised(py, &GatekeeperError::internal("a panic in the binding"))))
}
