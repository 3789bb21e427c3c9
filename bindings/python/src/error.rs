//! Errors of core become the Python classes of their kind; which class that is stands in core's table.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use turnwire::Error;
use turnwire_bridge::Facts;

/// The exception for an error, made by `turnwire._errors.make`.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let facts = Facts::from(error);
    let json = serde_json::to_string(&facts).unwrap_or_default();
    MAKE.import(py, "turnwire._errors", "make")
        .and_then(|make| make.call1((facts.class, json)))
        .map_or_else(|failed| failed, PyErr::from_value)
}

/// For what lives in its process.
pub(crate) fn no_pickle(value: &Bound<'_, PyAny>, why: &str, instead: &str) -> PyErr {
    let class = value.get_type();
    match class.name() {
        Ok(name) => PyTypeError::new_err(format!("{name} cannot be pickled: {why}; {instead}")),
        Err(error) => error,
    }
}

/// For what cannot go wrong unless this library is broken.
pub(crate) fn internal(error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(format!("turnwire made a mistake of its own: {error}"))
}
