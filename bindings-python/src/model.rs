//! The base class of all results: attributes in snake_case, and an index by wire name.

use pyo3::exceptions::PyKeyError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyIterator, PyString, PyTuple};

/// A result: frozen, with attributes in snake_case and an index by wire name. `dict(result)` has its fields.
#[pyclass(frozen, subclass, mapping, module = "gatekeeper._native")]
pub(crate) struct Model;

/// The attribute of each wire name of `result`.
fn attributes<'py>(result: &Bound<'py, Model>) -> PyResult<Bound<'py, PyDict>> {
    Ok(result.getattr(intern!(result.py(), "_wire"))?.cast_into()?)
}

fn value<'py>(result: &Bound<'py, Model>, attribute: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    result.getattr(attribute.cast::<PyString>()?)
}

#[pymethods]
impl Model {
    /// The arguments are those of the subclass, whose `__init__` stores them.
    #[new]
    #[pyo3(signature = (*_values, **_fields))]
    fn new(_values: &Bound<'_, PyTuple>, _fields: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    /// The attribute of each wire name. Each subclass has its own.
    #[classattr]
    fn _wire(py: Python<'_>) -> Py<PyDict> {
        PyDict::new(py).unbind()
    }

    /// The attributes with a secret value: `repr` redacts them, because it may be logged.
    #[classattr]
    fn _secret(py: Python<'_>) -> PyResult<Py<PyFrozenSet>> {
        PyFrozenSet::empty(py).map(Bound::unbind)
    }

    /// The wire names of the fields.
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        Ok(attributes(slf)?.keys().to_tuple())
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match attributes(slf)?.get_item(name)? {
            Some(attribute) => value(slf, &attribute),
            None => Err(PyKeyError::new_err(name.clone().unbind())),
        }
    }

    fn __contains__(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        attributes(slf)?.contains(name)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyIterator>> {
        Self::keys(slf)?.try_iter()
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(attributes(slf)?.len())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let secret = slf.getattr(intern!(slf.py(), "_secret"))?;
        let shown = attributes(slf)?.values().iter().map(|attribute| {
            let value = value(slf, &attribute)?;
            let is_redacted = !value.is_none() && secret.contains(&attribute)?;
            let shown = if is_redacted { "[redacted]".to_owned() } else { value.repr()?.to_string() };
            Ok(format!("{attribute}={shown}"))
        });
        let shown = shown.collect::<PyResult<Vec<_>>>()?.join(", ");
        Ok(format!("{}({shown})", slf.get_type().name()?))
    }
}
