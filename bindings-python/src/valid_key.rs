//! The result for a valid key: a Python object that converts a field of the verdict when it is read.

use gatekeeper::{Decision, Verdict};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::model::Model;

type Object<'py> = Bound<'py, PyAny>;

/// A valid key, within its limit or not. Process the request if `ok` is true; otherwise `code` says why not.
///
/// It is frozen, with attributes in snake_case and an index by wire name. `error` and `reason`, which a valid key does
/// not have, are None as attributes and raise KeyError by wire name. Each read of `metadata` returns a new dict.
///
/// Example:
///     >>> from gatekeeper import ValidKey, init_key_manager
///     >>> keys = init_key_manager(url="memory:", endpoints={"GET": {"default": "9/minute"}})
///     >>> created = keys.create_user_api_key("user", ["PRO"], name="Acme", metadata={"plan": "pro"})
///     >>> res = keys.verify_user_api_key(created["apiKey"], "GET")
///     >>> isinstance(res, ValidKey), res.ok, res["remaining"], res.code
///     (True, True, 8, 'valid')
///     >>> res.name, res.roles, res.role, res.metadata
///     ('Acme', ('PRO',), None, {'plan': 'pro'})
#[pyclass(frozen, extends = Model, module = "gatekeeper")]
pub(crate) struct ValidKey(State);

enum State {
    Verdict(Verdict),
    /// A result that was unpickled: its values by wire name.
    Unpickled(Py<PyDict>),
}

/// Declares the fields: for each its wire name and its attribute.
macro_rules! fields {
    ($($field:ident $wire_name:literal $attribute:literal,)*) => {
        /// A field of the result.
        #[derive(Clone, Copy)]
        enum Field {
            $($field,)*
        }

        impl Field {
            const ALL: &[Self] = &[$(Self::$field,)*];

            /// The wire name and the attribute.
            const fn names(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$field => ($wire_name, $attribute),)*
                }
            }
        }
    };
}

fields! {
    Success "success" "success",
    KeyValid "keyValid" "key_valid",
    Ok "ok" "ok",
    Code "code" "code",
    Remaining "remaining" "remaining",
    Total "total" "total",
    Reset "reset" "reset",
    RetryAfterMs "retryAfterMs" "retry_after_ms",
    WindowMs "windowMs" "window_ms",
    ResetAfterMs "resetAfterMs" "reset_after_ms",
    KeyId "keyId" "key_id",
    TenantId "tenantId" "tenant_id",
    OwnerId "ownerId" "owner_id",
    Name "name" "name",
    Roles "roles" "roles",
    Role "role" "role",
    Scopes "scopes" "scopes",
    Metadata "metadata" "metadata",
}

impl Field {
    const fn wire_name(self) -> &'static str {
        self.names().0
    }

    /// The value of the field. That of the metadata is text in JSON.
    fn of<'py>(self, py: Python<'py>, verdict: &Verdict) -> PyResult<Object<'py>> {
        match (self, verdict.decision()) {
            (Self::Success, _) => true.into_bound_py_any(py),
            (Self::KeyValid, _) => verdict.key_valid().into_bound_py_any(py),
            (Self::Ok, _) => verdict.ok().into_bound_py_any(py),
            (Self::Code, _) => verdict.code().as_str().into_bound_py_any(py),
            (_, Some(decision)) => self.of_decision(py, decision),
            (_, None) => Ok(py.None().into_bound(py)),
        }
    }

    fn of_decision<'py>(self, py: Python<'py>, decision: &Decision) -> PyResult<Object<'py>> {
        match self {
            Self::Success | Self::KeyValid | Self::Ok | Self::Code => Ok(py.None().into_bound(py)),
            Self::Remaining => decision.remaining().into_bound_py_any(py),
            Self::Total => decision.total().into_bound_py_any(py),
            Self::Reset => decision.reset().into_bound_py_any(py),
            Self::RetryAfterMs => decision.retry_after_ms().into_bound_py_any(py),
            Self::WindowMs => decision.window_ms().into_bound_py_any(py),
            Self::ResetAfterMs => decision.reset_after_ms().into_bound_py_any(py),
            Self::KeyId => decision.key_id().to_string().into_bound_py_any(py),
            Self::TenantId => decision.tenant_id().to_string().into_bound_py_any(py),
            Self::OwnerId => decision.owner_id().into_bound_py_any(py),
            Self::Name => decision.name().into_bound_py_any(py),
            Self::Roles => tuple(py, decision.roles()),
            Self::Role => decision.role().into_bound_py_any(py),
            Self::Scopes => tuple(py, decision.scopes()),
            Self::Metadata => decision.metadata().into_bound_py_any(py),
        }
    }
}

fn tuple<'py>(py: Python<'py>, texts: &[impl AsRef<str>]) -> PyResult<Object<'py>> {
    PyTuple::new(py, texts.iter().map(|text| PyString::new(py, text.as_ref()))).map(Bound::into_any)
}

impl ValidKey {
    pub(crate) fn create(py: Python<'_>, verdict: Verdict) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, (Self(State::Verdict(verdict)), Model))
    }

    fn value<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Object<'py>> {
        match &self.0 {
            State::Verdict(verdict) => field.of(py, verdict),
            State::Unpickled(values) => values.bind(py).as_any().get_item(field.wire_name()),
        }
    }

    /// The values by wire name.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let values = PyDict::new(py);
        for &field in Field::ALL {
            values.set_item(field.wire_name(), self.value(py, field)?)?;
        }
        Ok(values)
    }
}

#[pymethods]
impl ValidKey {
    #[classattr]
    fn _wire(py: Python<'_>) -> PyResult<Py<PyDict>> {
        let attributes = PyDict::new(py);
        for (wire_name, attribute) in Field::ALL.iter().map(|field| field.names()) {
            attributes.set_item(wire_name, attribute)?;
        }
        Ok(attributes.unbind())
    }

    /// True: the key was checked.
    #[getter]
    fn success<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Success)
    }

    /// True: the key is valid, within its limit or not.
    #[getter]
    fn key_valid<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::KeyValid)
    }

    /// Whether to process the request: the key has the scopes and is within its limit. The request was counted.
    #[getter]
    fn ok<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Ok)
    }

    /// The reason of `ok`, such as `"rate_limited"`.
    #[getter]
    fn code<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Code)
    }

    /// How many requests are left in the window after this one.
    #[getter]
    fn remaining<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Remaining)
    }

    /// The limit that applies, in requests per window; 0 if a scope is missing, because no window was asked then.
    #[getter]
    fn total<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Total)
    }

    /// A Unix time in seconds, rounded up: when the oldest request leaves the window, or after a denial, when the
    /// request would be admitted.
    #[getter]
    fn reset<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Reset)
    }

    /// The exact time to wait after a denial, in milliseconds; 0 if the request was admitted.
    #[getter]
    fn retry_after_ms<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::RetryAfterMs)
    }

    /// The duration of the window, in milliseconds.
    #[getter]
    fn window_ms<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::WindowMs)
    }

    /// The exact time until `reset`, in milliseconds.
    #[getter]
    fn reset_after_ms<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::ResetAfterMs)
    }

    /// The key's id, as `create_user_api_key` returned it.
    #[getter]
    fn key_id<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::KeyId)
    }

    /// The id of the key's tenant.
    #[getter]
    fn tenant_id<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::TenantId)
    }

    /// The key's owner, as given when the key was created; None for a key without an owner.
    #[getter]
    fn owner_id<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::OwnerId)
    }

    /// The key's name; None for a key without a name.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Name)
    }

    /// The key's roles, sorted by bytes.
    #[getter]
    fn roles<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Roles)
    }

    /// The role whose limit applies; None if the default limit applies.
    #[getter]
    fn role<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Role)
    }

    /// The key's scopes, sorted by bytes.
    #[getter]
    fn scopes<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.value(py, Field::Scopes)
    }

    /// The key's metadata, a new dict each time; None for a key without metadata.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let text = self.value(py, Field::Metadata)?;
        if text.is_none() { Ok(text) } else { LOADS.import(py, "json", "loads")?.call1((text,)) }
    }

    #[classattr]
    #[pyo3(name = "error")]
    const ERROR: Option<&'static str> = None;

    #[classattr]
    #[pyo3(name = "reason")]
    const REASON: Option<&'static str> = None;

    fn __eq__<'py>(&self, py: Python<'py>, other: &Object<'py>) -> PyResult<Object<'py>> {
        match other.cast::<Self>() {
            Ok(other) => self.values(py)?.eq(other.get().values(py)?)?.into_bound_py_any(py),
            Err(_) => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.values(py)?.values().to_tuple().hash()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Object<'py>, (Bound<'py, PyDict>,))> {
        let unpickle = slf.get_type().getattr("_unpickle")?;
        Ok((unpickle, (slf.get().values(slf.py())?,)))
    }

    #[staticmethod]
    fn _unpickle<'py>(py: Python<'py>, values: &Bound<'py, PyDict>) -> PyResult<Bound<'py, Self>> {
        for field in Field::ALL {
            if values.len() != Field::ALL.len() || !values.contains(field.wire_name())? {
                return Err(PyValueError::new_err("not the fields of a ValidKey"));
            }
        }
        Bound::new(py, (Self(State::Unpickled(values.copy()?.unbind())), Model))
    }
}
