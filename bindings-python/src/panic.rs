//! Keeps panics out of Python: one would become a `BaseException`, which `except Exception` does not catch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gatekeeper::GatekeeperError;
use pyo3::prelude::*;

use crate::error::to_py_err;

/// Runs the body of an entry point. A panic in it becomes an `internal` error.
pub(crate) fn catch_panic<T>(py: Python<'_>, entry: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // Only the engine outlives a call, and its critical sections keep its data consistent if one panics.
    catch_unwind(AssertUnwindSafe(entry))
        .unwrap_or_else(|_| Err(to_py_err(py, &GatekeeperError::internal("a panic in the binding"))))
}
