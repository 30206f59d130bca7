//! Converts Python arguments to Rust values, and rejects those of a wrong type.

use std::convert::Infallible;

use gatekeeper::{Clock, GatekeeperError, Result, Secret};
use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyFrozenSet, PyList, PySet, PyString, PyTuple};
use smallvec::SmallVec;

/// An optional argument. Unlike with `Option`, Python's None is a value, so that it can be rejected.
#[derive(Clone, Copy, Default)]
pub(crate) struct Given<'a, 'py>(Option<Borrowed<'a, 'py, PyAny>>);

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'a, 'py> {
    type Error = Infallible;

    #[inline]
    fn extract(value: Borrowed<'a, 'py, PyAny>) -> std::result::Result<Self, Infallible> {
        Ok(Self(Some(value)))
    }
}

impl Given<'_, '_> {
    /// The converted value; none if the argument was not given.
    #[inline]
    pub(crate) fn map<T>(self, convert: impl FnOnce(&Bound<'_, PyAny>) -> Result<T>) -> Result<Option<T>> {
        self.0.map(|value| convert(&value)).transpose()
    }
}

/// The strings of one argument. Up to four are stored on the stack.
pub(crate) type Strings = SmallVec<[PyBackedStr; 4]>;

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

/// The client's address. The engine checks that it is one.
pub(crate) fn client_address<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str> {
    text("client_address", value).map_err(|_| must_be("client_address", "an IP address as a string, or None"))
}

/// A list or a tuple of strings. Their order matters, so a set is rejected.
#[inline]
pub(crate) fn variables(value: Option<&Bound<'_, PyAny>>) -> Result<Strings> {
    const VARIABLES: Field = Field {
        name: "variables",
        strings: "a list or tuple of strings",
        one: "a list or tuple of strings, not one string: write [variable]",
    };
    let Some(value) = value else { return Ok(Strings::new()) };
    VARIABLES.of_sequence(value).unwrap_or_else(|| Err(VARIABLES.rejection(value)))
}

/// A list, tuple or set of strings.
#[inline]
pub(crate) fn scopes(value: &Bound<'_, PyAny>) -> Result<Strings> {
    const SCOPES: Field = Field {
        name: "scopes",
        strings: "a list, tuple or set of strings",
        one: "a list, tuple or set of strings, not one string: write [scope]",
    };
    let scopes = SCOPES.of_sequence(value).or_else(|| SCOPES.of_set(value));
    scopes.unwrap_or_else(|| Err(SCOPES.rejection(value)))
}

/// An argument of several strings, and what it must be, for messages.
struct Field {
    name: &'static str,
    strings: &'static str,
    /// For a caller who has passed one string.
    one: &'static str,
}

impl Field {
    /// The strings of a tuple or a list; none for other values.
    #[inline]
    fn of_sequence(&self, value: &Bound<'_, PyAny>) -> Option<Result<Strings>> {
        if let Ok(tuple) = value.cast::<PyTuple>() {
            Some(tuple.iter_borrowed().map(|each| self.string(each.to_owned())).collect())
        } else {
            let list = value.cast::<PyList>().ok()?;
            Some(list.iter().map(|each| self.string(each)).collect())
        }
    }

    fn of_set(&self, value: &Bound<'_, PyAny>) -> Option<Result<Strings>> {
        if let Ok(set) = value.cast::<PySet>() {
            Some(set.iter().map(|each| self.string(each)).collect())
        } else {
            let set = value.cast::<PyFrozenSet>().ok()?;
            Some(set.iter().map(|each| self.string(each)).collect())
        }
    }

    #[inline]
    fn string(&self, value: Bound<'_, PyAny>) -> Result<PyBackedStr> {
        let text = value.cast_into::<PyString>().map_err(|_| must_be(self.name, self.strings))?;
        text.try_into().map_err(|_| must_be(self.name, "Unicode: one holds a lone surrogate"))
    }

    #[cold]
    fn rejection(&self, value: &Bound<'_, PyAny>) -> GatekeeperError {
        must_be(self.name, if value.is_instance_of::<PyString>() { self.one } else { self.strings })
    }
}

/// The number of permits that a verification acquires. The engine rejects 0.
#[inline]
pub(crate) fn cost(value: &Bound<'_, PyAny>) -> Result<u32> {
    whole(value).ok_or_else(|| must_be("cost", "a whole number from 1 to 4294967295"))
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
