//! The fold of events into a turn, and reading one event.

use crate::event::{View, model, view};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};
use turnwire::Event;

/// Folds events into a turn.
#[pyclass(frozen, module = "turnwire")]
pub(crate) struct TurnAccumulator(Mutex<turnwire::TurnAccumulator>);

impl TurnAccumulator {
    fn with<T>(&self, act: impl FnOnce(&mut turnwire::TurnAccumulator) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl TurnAccumulator {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    /// One that goes on from here by itself.
    fn __copy__(&self) -> Self {
        Self(Mutex::new(self.with(|turn| turn.clone())))
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        self.__copy__()
    }

    fn push(&self, event: &Bound<'_, View>) -> bool {
        self.with(|turn| turn.push(event.get().event()))
    }

    #[getter]
    fn turn<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let turn = self.with(|turn| turn.turn().clone());
        model(py, "Turn", &turn)
    }

    #[getter]
    fn last_seq(&self) -> u64 {
        self.with(|turn| turn.last_seq())
    }
}

/// Reads one event. `name` is the `event:` line it came under, for a body without `type`.
#[pyfunction]
#[pyo3(signature = (json, name = None))]
pub(crate) fn parse_event<'py>(py: Python<'py>, json: &str, name: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
    let event = Event::parse(json, name)
        .map_err(|error| PyValueError::new_err(format!("an event is a JSON object, and this is none: {error}")))?;
    view(py, event)
}
