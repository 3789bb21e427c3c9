//! What a relay tells: the runtime's own events, as views, and the two words of the service about them.

use crate::error::internal;
use crate::event::dict_item;
use crate::json::loads;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyIterator, PyString};
use std::hash::{DefaultHasher, Hash, Hasher};
use turnwire::stream::RelayItem;

/// What makes an event anew, and of what.
type Reduced<'py> = (Bound<'py, PyAny>, (Option<u64>, String));

/// One of the runtime's own events.
#[pyclass(frozen, mapping, module = "turnwire")]
pub(crate) struct RelayEvent {
    event: turnwire::RelayEvent,
    dict: PyOnceLock<Py<PyAny>>,
}

impl RelayEvent {
    /// Its JSON, read once. What is no object has no items.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let made = self.dict.get_or_try_init(py, || {
            let json = self.to_dict(py)?;
            let dict = if json.is_instance_of::<PyDict>() { json } else { PyDict::new(py).into_any() };
            PyResult::Ok(dict.unbind())
        })?;
        Ok(made.bind(py))
    }
}

#[pymethods]
impl RelayEvent {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("type", "id")
    }

    #[getter]
    fn id(&self) -> Option<u64> {
        self.event.id
    }

    #[getter]
    fn r#type(&self) -> &str {
        &self.event.event_type
    }

    #[getter]
    fn session_id(&self) -> Option<&str> {
        self.event.session_id.as_deref()
    }

    #[getter]
    fn raw(&self) -> &str {
        self.event.raw.get()
    }

    fn to_json(&self) -> &str {
        self.raw()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, self.raw())
    }

    fn __getitem__<'py>(&self, key: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        dict_item(self.json(key.py())?, key)
    }

    #[pyo3(signature = (key, default = None))]
    fn get<'py>(&self, key: Bound<'py, PyAny>, default: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        self.json(py)?.call_method1("get", (key, default))
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.json(py)?.call_method0("keys")
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.json(py)?.call_method0("values")
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.json(py)?.call_method0("items")
    }

    fn __contains__(&self, key: Bound<'_, PyAny>) -> PyResult<bool> {
        self.json(key.py())?.contains(key)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.json(py)?.try_iter()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.json(py)?.len()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let make = slf.py().import("turnwire._native")?.getattr("relay_event")?;
        let event = &slf.get().event;
        Ok((make, (event.id, event.raw.get().to_owned())))
    }

    fn __eq__(&self, py: Python<'_>, other: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        match other.cast::<Self>() {
            Ok(other) => {
                let (one, other) = (&self.event, &other.get().event);
                ((one.id, one.raw.get()) == (other.id, other.raw.get())).into_py_any(py)
            }
            Err(_) => Ok(py.NotImplemented()),
        }
    }

    fn __hash__(&self) -> u64 {
        let event = &self.event;
        let mut hasher = DefaultHasher::new();
        (event.id, event.raw.get()).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let event = &self.event;
        let id = event.id.into_pyobject(py)?.repr()?;
        let kind = PyString::new(py, &event.event_type).repr()?;
        let session = event.session_id.as_deref().into_pyobject(py)?.repr()?;
        Ok(format!("RelayEvent(id={id}, type={kind}, session_id={session})"))
    }
}

/// What was asked for is no longer kept.
#[pyclass(frozen, eq, hash, get_all, module = "turnwire")]
#[derive(PartialEq, Hash)]
pub(crate) struct RelayGap {
    oldest: u64,
}

/// What was asked for was never given out.
#[pyclass(frozen, eq, hash, get_all, module = "turnwire")]
#[derive(PartialEq, Hash)]
pub(crate) struct RelayReset {
    head: u64,
}

#[pymethods]
impl RelayGap {
    #[new]
    fn new(oldest: u64) -> Self {
        Self { oldest }
    }

    fn __getnewargs__(&self) -> (u64,) {
        (self.oldest,)
    }

    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("oldest",)
    }

    fn __repr__(&self) -> String {
        format!("RelayGap(oldest={})", self.oldest)
    }
}

#[pymethods]
impl RelayReset {
    #[new]
    fn new(head: u64) -> Self {
        Self { head }
    }

    fn __getnewargs__(&self) -> (u64,) {
        (self.head,)
    }

    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("head",)
    }

    fn __repr__(&self) -> String {
        format!("RelayReset(head={})", self.head)
    }
}

/// A relay event of its number and its JSON, such as one that was pickled.
#[pyfunction]
pub(crate) fn relay_event(id: Option<u64>, json: &str) -> PyResult<RelayEvent> {
    let raw = turnwire::Json::parse(json).ok_or_else(|| PyValueError::new_err("a relay event is JSON"))?;
    Ok(RelayEvent { event: turnwire::RelayEvent::new(id, &raw), dict: PyOnceLock::new() })
}

/// The object of an item.
pub(crate) fn relay_item(py: Python<'_>, item: RelayItem) -> PyResult<Bound<'_, PyAny>> {
    match item {
        RelayItem::Event(event) => RelayEvent { event, dict: PyOnceLock::new() }.into_bound_py_any(py),
        RelayItem::Gap { oldest } => RelayGap { oldest }.into_bound_py_any(py),
        RelayItem::Reset { head } => RelayReset { head }.into_bound_py_any(py),
        _ => Err(internal("an item without a class")),
    }
}

/// The item of an object.
pub(crate) fn item_of(object: &Bound<'_, PyAny>) -> PyResult<RelayItem> {
    if let Ok(event) = object.cast::<RelayEvent>() {
        return Ok(RelayItem::Event(event.get().event.clone()));
    }
    if let Ok(gap) = object.cast::<RelayGap>() {
        return Ok(RelayItem::Gap { oldest: gap.get().oldest });
    }
    Ok(RelayItem::Reset { head: object.cast::<RelayReset>()?.get().head })
}
