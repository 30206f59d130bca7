//! Python's arguments as the engine takes them, and the engine's rejection of those that cannot be.

use gatekeeper::{Clock, GatekeeperError, Result, Secret};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};
use smallvec::SmallVec;

/// The variables of one call; four and fewer lie on the stack.
pub(crate) type Variables = SmallVec<[PyBackedStr; 4]>;

/// A user's key. Text that is not Unicode is no key, and neither is None, of a request that has none: both are for the
/// engine to say.
#[inline]
pub(crate) fn user_key<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_str().unwrap_or_default()),
        Err(_) if value.is_none() => Ok(""),
        Err(_) => Err(must_be("user_api_key", "a string or None")),
    }
}

/// Text that must be Unicode: Python's may hold halves of a surrogate pair.
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
    let text = value.cast_into::<PyString>().map_err(|_| must_be("variables", "strings, each of them"))?;
    text.try_into().map_err(|_| must_be("variables", "Unicode: one holds a lone surrogate"))
}

/// A root key. Text that is not Unicode is a wrong one, which is for the engine to say at each call.
pub(crate) fn root_key(value: &Bound<'_, PyAny>) -> Result<Secret> {
    let text = value.cast::<PyString>().map_err(|_| must_be("root_api_key", "a string or None"))?;
    Ok(Secret::new(text.to_string_lossy()))
}

/// How many records a cache holds.
pub(crate) fn count(name: &str, value: &Bound<'_, PyAny>) -> Result<usize> {
    let count = if value.is_instance_of::<PyBool>() { None } else { value.extract().ok() };
    count.ok_or_else(|| must_be(name, "a whole number from 0 to 100000000"))
}

/// Milliseconds from now: so many that every language counts them exactly.
pub(crate) fn milliseconds(name: &str, value: &Bound<'_, PyAny>) -> Result<u64> {
    let ms = if value.is_instance_of::<PyBool>() { None } else { value.extract().ok() };
    ms.filter(|ms| *ms < 1 << 53)
        .ok_or_else(|| must_be(name, "a whole number of milliseconds from 0 to 9007199254740991"))
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
fn must_be(name: &str, what: &str) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{name} must be {what}"))
}
