//! The result of a verification: a Python object that converts a field of the verdict when it is read.

use gatekeeper::{Decision, GatekeeperError, Verdict};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// The result of `verify_user_api_key`: frozen, with attributes in snake_case and an index by wire name.
///
/// A field that a result does not have is None as an attribute (`ok` and `key_valid` are False) and raises KeyError by
/// wire name. `dict(res)` has the fields that the result has.
///
/// Example:
///     >>> from gatekeeper import init_key_manager
///     >>> keys = init_key_manager(url="memory:", endpoints={"GET": {"default": {"maxReq": 9, "duration": 60_000}}})
///     >>> res = keys.verify_user_api_key(keys.create_user_api_key("user", ["PRO"])["apiKey"], "GET")
///     >>> res.ok, res["retryAfterMs"], res.roles, res.role
///     (True, 0, ('PRO',), None)
///     >>> dict(keys.verify_user_api_key("", "GET"))
///     {'success': True, 'keyValid': False, 'ok': False}
#[pyclass(frozen, module = "gatekeeper")]
pub(crate) struct VerifyResult(Outcome);

enum Outcome {
    Verdict(Verdict),
    Failure {
        error: &'static str,
        reason: String,
    },
    /// A result that was unpickled: its values by wire name.
    Unpickled {
        fields: &'static [Field],
        values: Py<PyDict>,
    },
}

/// A field of a result.
#[derive(Clone, Copy)]
enum Field {
    Success,
    KeyValid,
    Ok,
    Remaining,
    Total,
    Reset,
    RetryAfterMs,
    WindowMs,
    ResetAfterMs,
    KeyId,
    OwnerId,
    Roles,
    Role,
    Error,
    Reason,
}

const FAILURE: &[Field] = &[Field::Success, Field::Error, Field::Reason];
const INVALID_KEY: &[Field] = &[Field::Success, Field::KeyValid, Field::Ok];
const VALID_KEY: &[Field] = &[
    Field::Success,
    Field::KeyValid,
    Field::Ok,
    Field::Remaining,
    Field::Total,
    Field::Reset,
    Field::RetryAfterMs,
    Field::WindowMs,
    Field::ResetAfterMs,
    Field::KeyId,
    Field::OwnerId,
    Field::Roles,
    Field::Role,
];

impl Field {
    /// The wire name and the attribute name.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Success => ("success", "success"),
            Self::KeyValid => ("keyValid", "key_valid"),
            Self::Ok => ("ok", "ok"),
            Self::Remaining => ("remaining", "remaining"),
            Self::Total => ("total", "total"),
            Self::Reset => ("reset", "reset"),
            Self::RetryAfterMs => ("retryAfterMs", "retry_after_ms"),
            Self::WindowMs => ("windowMs", "window_ms"),
            Self::ResetAfterMs => ("resetAfterMs", "reset_after_ms"),
            Self::KeyId => ("keyId", "key_id"),
            Self::OwnerId => ("ownerId", "owner_id"),
            Self::Roles => ("roles", "roles"),
            Self::Role => ("role", "role"),
            Self::Error => ("error", "error"),
            Self::Reason => ("reason", "reason"),
        }
    }

    const fn wire_name(self) -> &'static str {
        self.names().0
    }
}

type Object<'py> = Bound<'py, PyAny>;

impl From<Verdict> for VerifyResult {
    #[inline]
    fn from(verdict: Verdict) -> Self {
        Self(Outcome::Verdict(verdict))
    }
}

impl VerifyResult {
    /// The result for `error`, if the key manager returns that error as a result.
    pub(crate) fn failure(error: &GatekeeperError) -> Option<Self> {
        let name = error.kind().key_manager()?;
        Some(Self(Outcome::Failure { error: name, reason: error.message().to_owned() }))
    }

    fn fields(&self) -> &'static [Field] {
        match &self.0 {
            Outcome::Verdict(Verdict::InvalidKey) => INVALID_KEY,
            Outcome::Verdict(_) => VALID_KEY,
            Outcome::Failure { .. } => FAILURE,
            Outcome::Unpickled { fields, .. } => fields,
        }
    }

    /// The value of `field`; `None` if this result does not have the field.
    fn value<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Option<Object<'py>>> {
        match &self.0 {
            Outcome::Verdict(verdict) => value_of_verdict(py, verdict, field),
            Outcome::Failure { error, reason } => match field {
                Field::Success => object(py, false),
                Field::Error => object(py, *error),
                Field::Reason => object(py, reason),
                _ => Ok(None),
            },
            Outcome::Unpickled { values, .. } => values.bind(py).get_item(field.wire_name()),
        }
    }

    fn flag(&self, py: Python<'_>, field: Field) -> PyResult<bool> {
        self.value(py, field)?.map_or(Ok(false), |value| value.extract())
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Field, Object<'py>)>> {
        let values =
            self.fields().iter().map(|field| Ok(self.value(py, *field)?.map(|value| (*field, value))));
        values.filter_map(PyResult::transpose).collect()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (field, value) in self.values(py)? {
            dict.set_item(field.wire_name(), value)?;
        }
        Ok(dict)
    }
}

fn value_of_verdict<'py>(py: Python<'py>, verdict: &Verdict, field: Field) -> PyResult<Option<Object<'py>>> {
    match field {
        Field::Success => object(py, true),
        Field::KeyValid => object(py, verdict.key_valid()),
        Field::Ok => object(py, verdict.ok()),
        _ => verdict.decision().map_or(Ok(None), |decision| value_of_decision(py, decision, field)),
    }
}

fn value_of_decision<'py>(
    py: Python<'py>,
    decision: &Decision,
    field: Field,
) -> PyResult<Option<Object<'py>>> {
    match field {
        Field::Remaining => object(py, decision.remaining()),
        Field::Total => object(py, decision.total()),
        Field::Reset => object(py, decision.reset()),
        Field::RetryAfterMs => object(py, decision.retry_after_ms()),
        Field::WindowMs => object(py, decision.window_ms()),
        Field::ResetAfterMs => object(py, decision.reset_after_ms()),
        Field::KeyId => object(py, decision.key_id().to_string()),
        Field::OwnerId => object(py, decision.owner_id()),
        Field::Roles => {
            let roles = decision.roles().iter().map(|role| PyString::new(py, role));
            PyTuple::new(py, roles).map(|roles| Some(roles.into_any()))
        }
        Field::Role => object(py, decision.role()),
        _ => Ok(None),
    }
}

fn object<'py>(py: Python<'py>, value: impl IntoPyObjectExt<'py>) -> PyResult<Option<Object<'py>>> {
    value.into_bound_py_any(py).map(Some)
}

#[pymethods]
impl VerifyResult {
    /// Whether the key was checked; if not, see `error` and `reason`.
    #[getter]
    fn success(&self, py: Python<'_>) -> PyResult<bool> {
        self.flag(py, Field::Success)
    }

    /// Whether the key is valid, within its limit or not.
    #[getter]
    fn key_valid(&self, py: Python<'_>) -> PyResult<bool> {
        self.flag(py, Field::KeyValid)
    }

    /// Whether to process the request: the key is valid and within its limit, and the request was counted.
    #[getter]
    fn ok(&self, py: Python<'_>) -> PyResult<bool> {
        match &self.0 {
            Outcome::Verdict(verdict) => Ok(verdict.ok()),
            _ => self.flag(py, Field::Ok),
        }
    }

    /// How many requests are left in the window after this one.
    #[getter]
    fn remaining<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Remaining)
    }

    /// The limit that applies, in requests per window.
    #[getter]
    fn total<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Total)
    }

    /// A Unix time in seconds, rounded up: when the oldest request leaves the window, or after a denial, when the
    /// request would be admitted.
    #[getter]
    fn reset<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Reset)
    }

    /// The exact time to wait after a denial, in milliseconds; 0 if the request was admitted.
    #[getter]
    fn retry_after_ms<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::RetryAfterMs)
    }

    /// The duration of the window, in milliseconds.
    #[getter]
    fn window_ms<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::WindowMs)
    }

    /// The exact time until `reset`, in milliseconds.
    #[getter]
    fn reset_after_ms<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::ResetAfterMs)
    }

    /// The key's id, as `create_user_api_key` returned it.
    #[getter]
    fn key_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::KeyId)
    }

    /// The key's owner, as given when the key was created; None also for a key without an owner.
    #[getter]
    fn owner_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::OwnerId)
    }

    /// The key's roles, sorted by bytes.
    #[getter]
    fn roles<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Roles)
    }

    /// The role whose limit applies; None also if the default limit applies.
    #[getter]
    fn role<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Role)
    }

    /// The error code, such as `"invalidBody"`.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Error)
    }

    /// What was wrong and what to do, for the developer.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Reason)
    }

    /// The wire names of the fields that this result has.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.fields().iter().map(|field| field.wire_name()))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &Object<'py>) -> PyResult<Object<'py>> {
        let known = |field: &&Field| name.extract::<&str>().is_ok_and(|name| name == field.wire_name());
        let value = self.fields().iter().find(known).map_or(Ok(None), |field| self.value(py, *field))?;
        value.ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))
    }

    fn __contains__(&self, name: &Object<'_>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.fields().iter().any(|field| field.wire_name() == name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.keys(py)?.try_iter().map(Bound::into_any)
    }

    fn __len__(&self) -> usize {
        self.fields().len()
    }

    fn __eq__<'py>(&self, py: Python<'py>, other: &Object<'py>) -> PyResult<Object<'py>> {
        match other.cast::<Self>() {
            Ok(other) => self.to_dict(py)?.eq(other.get().to_dict(py)?)?.into_bound_py_any(py),
            Err(_) => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        PyTuple::new(py, self.values(py)?.into_iter().map(|(_, value)| value))?.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shown = self.values(py)?.into_iter().map(|(field, value)| {
            let (_, attribute) = field.names();
            Ok(format!("{attribute}={}", value.repr()?.to_str()?))
        });
        Ok(format!("VerifyResult({})", shown.collect::<PyResult<Vec<_>>>()?.join(", ")))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Object<'py>, (Bound<'py, PyDict>,))> {
        let unpickle = slf.get_type().getattr("_unpickle")?;
        Ok((unpickle, (slf.get().to_dict(slf.py())?,)))
    }

    #[staticmethod]
    fn _unpickle(values: &Bound<'_, PyDict>) -> PyResult<Self> {
        for fields in [VALID_KEY, INVALID_KEY, FAILURE] {
            let names = fields.iter().map(|field| values.contains(field.wire_name()));
            if values.len() == fields.len()
                && names.collect::<PyResult<Vec<_>>>()?.into_iter().all(|known| known)
            {
                return Ok(Self(Outcome::Unpickled { fields, values: values.copy()?.unbind() }));
            }
        }
        Err(PyValueError::new_err("not the fields of a VerifyResult"))
    }
}
