//! Converts Python arguments to Rust values, and rejects those of a wrong type.

use gatekeeper::{Clock, GatekeeperError, Result, Secret};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};
use smallvec::SmallVec;

/// The variables of one call. Up to four are stored on the stack.
pub(crate) type Variables = SmallVec<[PyBackedStr; 4]>;

/// A user's key. Text that is not Unicode and None, for a request without a key, become the empty string, which the
/// engine reports as an invalid key.
#[inline]
pub(crate) fn user_key<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_str().unwrap_or_default()),
        Err(_) if value.is_none() => Ok(""),
        Err(_) => Err(must_be("user_api_key", "a string or None")),
    }
}

/// A string. It must be Unicode: a Python string may hold lone surrogates.
#[inline]
pub(crate) fn text<'a>(name: &str, value: &'a Bound<'_, PyAny>) -> Result<&'a str> {
    let text = value.cast::<PyString>().map_err(|_| must_be(name, "a string"))?;
    text.to_str().map_err(|_| must_be(name, "Unicode: it holds a lone surrogate"))
}

/// A list or a tuple of strings.
#[inline]
pub(crate) fn variables(value: Option<&Bound<'_, PyAny>>) -> Result<Variables> {
    let Some(value) = value else { return Ok(Variables::new()) };
    if let Ok(tuple) = value.cast::<PyTuple>() {
        tuple.iter_borrowed().map(|each| variable(each.to_owned())).collect()
    } else if let Ok(list) = value.cast::<PyList>() {
        list.iter().map(variable).collect()
    } else if value.is_instance_of::<PyString>() {
        Err(must_be("variables", "a list or tuple of strings, not one string: write [variable]"))
    } else {
        Err(must_be("variables", "a list or tuple of strings"))
    }
}

#[inline]
fn variable(value: Bound<'_, PyAny>) -> Result<PyBackedStr> {
    let text =
        value.cast_into::<PyString>().map_err(|_| must_be("variables", "a list or tuple of strings"))?;
    text.try_into().map_err(|_| must_be("variables", "Unicode: one holds a lone surrogate"))
}

/// A root key. For text that is not Unicode, the engine reports a wrong root key at each call.
pub(crate) fn root_key(value: &Bound<'_, PyAny>) -> Result<Secret> {
    let text = value.cast::<PyString>().map_err(|_| must_be("root_api_key", "a string or None"))?;
    Ok(Secret::new(text.to_string_lossy()))
}

/// The number of entries that a cache may hold.
pub(crate) fn count(name: &str, value: &Bound<'_, PyAny>) -> Result<usize> {
    whole(value).ok_or_else(|| must_be(name, "a whole number from 0 to 100000000"))
}

/// A duration in milliseconds, below 2⁵³ so that every language represents it exactly.
pub(crate) fn milliseconds(name: &str, value: &Bound<'_, PyAny>) -> Result<u64> {
    whole(value)
        .filter(|ms| *ms < 1 << 53)
        .ok_or_else(|| must_be(name, "a whole number of milliseconds from 0 to 9007199254740991"))
}

/// A whole number of this type; none for other values, such as a bool.
#[inline]
pub(crate) fn whole<'a, 'py, N: FromPyObject<'a, 'py>>(value: &'a Bound<'py, PyAny>) -> Option<N> {
    if value.is_instance_of::<PyBool>() { None } else { value.extract().ok() }
}

/// `"system"` or `"manual"`.
pub(crate) fn clock(value: &Bound<'_, PyAny>) -> Result<Clock> {
    match text("clock", value) {
        Ok("system") => Ok(Clock::System),
        Ok("manual") => Ok(Clock::Manual(gatekeeper::ManualClock::new())),
        _ => Err(must_be("clock", "\"system\" or \"manual\"")),
    }
}

#[cold]
fn must_be(field: &str, expected: &str) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{field} must be {expected}"))
}
