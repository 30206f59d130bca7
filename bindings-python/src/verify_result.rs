//! The answer to a verification, as a Python object that reads the verdict when it is asked.

use gatekeeper::{Decision, GatekeeperError, Verdict};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// What `verify_user_api_key` says: frozen, with attributes in snake_case and an index by wire name.
///
/// A field that a result does not have reads as None by attribute (`ok` and `key_valid` as False), and raises KeyError
/// by wire name. `dict(res)` has the fields that are there.
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
pub(crate) struct VerifyResult(Answer);

enum Answer {
    Verdict(Verdict),
    Failure {
        error: &'static str,
        reason: String,
    },
    /// From another process: its fields by wire name.
    Unpickled {
        fields: &'static [Field],
        values: Py<PyDict>,
    },
}

/// A field of an answer.
#[derive(Clone, Copy)]
enum Field {
    Success,
    KeyValid,
    Ok,
    Remaining,
    Total,
    Reset,
    RetryAfterMs,
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
    Field::KeyId,
    Field::OwnerId,
    Field::Roles,
    Field::Role,
];

impl Field {
    /// The name on the wire, and as an attribute.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Success => ("success", "success"),
            Self::KeyValid => ("keyValid", "key_valid"),
            Self::Ok => ("ok", "ok"),
            Self::Remaining => ("remaining", "remaining"),
            Self::Total => ("total", "total"),
            Self::Reset => ("reset", "reset"),
            Self::RetryAfterMs => ("retryAfterMs", "retry_after_ms"),
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
        Self(Answer::Verdict(verdict))
    }
}

impl VerifyResult {
    /// The key manager's answer to `error`, if that is an answer and not a failure to give one.
    pub(crate) fn failure(error: &GatekeeperError) -> Option<Self> {
        let name = error.kind().key_manager()?;
        Some(Self(Answer::Failure { error: name, reason: error.message().to_owned() }))
    }

    fn fields(&self) -> &'static [Field] {
        match &self.0 {
            Answer::Verdict(Verdict::InvalidKey) => INVALID_KEY,
            Answer::Verdict(_) => VALID_KEY,
            Answer::Failure { .. } => FAILURE,
            Answer::Unpickled { fields, .. } => fields,
        }
    }

    /// The value of `field`; none where this answer does not have it.
    fn value<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Option<Object<'py>>> {
        match &self.0 {
            Answer::Verdict(verdict) => value_of_verdict(py, verdict, field),
            Answer::Failure { error, reason } => match field {
                Field::Success => object(py, false),
                Field::Error => object(py, *error),
                Field::Reason => object(py, reason),
                _ => Ok(None),
            },
            Answer::Unpickled { values, .. } => values.bind(py).get_item(field.wire_name()),
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
    /// Whether an answer on the key was reached; if not, `error` and `reason` say why.
    #[getter]
    fn success(&self, py: Python<'_>) -> PyResult<bool> {
        self.flag(py, Field::Success)
    }

    /// Whether the key is good, with room left or without.
    #[getter]
    fn key_valid(&self, py: Python<'_>) -> PyResult<bool> {
        self.flag(py, Field::KeyValid)
    }

    /// Whether the request may be processed.
    #[getter]
    fn ok(&self, py: Python<'_>) -> PyResult<bool> {
        match &self.0 {
            Answer::Verdict(verdict) => Ok(verdict.ok()),
            _ => self.flag(py, Field::Ok),
        }
    }

    /// How many calls are left in the window after this one.
    #[getter]
    fn remaining<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Remaining)
    }

    /// The limit that applies: calls in a window.
    #[getter]
    fn total<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Total)
    }

    /// Unix seconds, rounded up: after a denial when this request would pass, otherwise when the oldest call leaves
    /// the window.
    #[getter]
    fn reset<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Reset)
    }

    /// The exact wait after a denial, in milliseconds; 0 when admitted.
    #[getter]
    fn retry_after_ms<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::RetryAfterMs)
    }

    /// The key's id, as `create_user_api_key` gave it.
    #[getter]
    fn key_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::KeyId)
    }

    /// Whose key it is, as given when it was created; None also where nobody was named.
    #[getter]
    fn owner_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::OwnerId)
    }

    /// The key's roles, sorted by bytes.
    #[getter]
    fn roles<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Roles)
    }

    /// The role that chose the limit; None also where the default applies.
    #[getter]
    fn role<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Role)
    }

    /// Which of the documented errors, such as `"invalidBody"`.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Error)
    }

    /// What to change, for the developer.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> PyResult<Option<Object<'py>>> {
        self.value(py, Field::Reason)
    }

    /// The wire names of the fields that are there.
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
                return Ok(Self(Answer::Unpickled { fields, values: values.copy()?.unbind() }));
            }
        }
        Err(PyValueError::new_err("not the fields of a VerifyResult"))
    }
}
