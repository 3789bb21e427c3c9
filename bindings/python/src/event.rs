//! Events as Python sees them: frozen views of core's events. A field becomes a Python object when it is touched.

use crate::error::internal;
use crate::json::loads;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyIterator, PyString, PyType};
use serde::Serialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use turnwire::event::{InputRequest, MessageUsage, Part, TurnError, Usage, UserMessage};
use turnwire::{Event, EventKind};

/// What all events have.
#[pyclass(frozen, subclass, mapping, module = "turnwire._native", name = "EventBase")]
pub(crate) struct View {
    event: Event,
    /// Objects made of nested values, by name; the whole event under the empty name.
    made: PyOnceLock<Py<PyDict>>,
}

impl View {
    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    /// An object that is made once.
    fn once<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = self.made.get_or_init(py, || PyDict::new(py).unbind()).bind(py);
        if let Some(found) = known.get_item(name)? {
            return Ok(found);
        }
        let value = make()?;
        known.set_item(name, &value)?;
        Ok(value)
    }

    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.once(py, "", || self.to_dict(py))
    }
}

#[pymethods]
impl View {
    #[getter]
    fn r#type(&self) -> &str {
        self.event().event_type()
    }

    #[getter]
    fn seq(&self) -> u64 {
        self.event().seq
    }

    #[getter]
    fn chat_id(&self) -> &str {
        self.event().chat_id.as_str()
    }

    #[getter]
    fn turn_id(&self) -> &str {
        self.event().turn_id.as_str()
    }

    #[getter]
    fn text_delta(&self) -> Option<&str> {
        self.event().text_delta()
    }

    #[getter]
    fn question<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(question) = self.event().question() else { return Ok(None) };
        self.once(py, "question", || model(py, "Question", question)).map(Some)
    }

    #[getter]
    fn permission<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(permission) = self.event().permission() else { return Ok(None) };
        self.once(py, "permission", || model(py, "Permission", permission)).map(Some)
    }

    #[getter]
    fn raw(&self) -> String {
        self.event().to_json()
    }

    fn to_json(&self) -> PyResult<Cow<'_, str>> {
        let event = self.event();
        // What another service spells its own way is written in ours.
        match event.raw().filter(|_| event.is_plain()) {
            Some(raw) => Ok(raw.into()),
            None => serde_json::to_string(event).map(Cow::Owned).map_err(internal),
        }
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.to_json()?)
    }

    fn __getitem__<'py>(&self, key: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        dict_item(&self.dict(key.py())?, key)
    }

    #[pyo3(signature = (key, default = None))]
    fn get<'py>(&self, key: Bound<'py, PyAny>, default: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        self.dict(py)?.call_method1("get", (key, default))
    }

    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dict(py)?.call_method0("keys")
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dict(py)?.call_method0("values")
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dict(py)?.call_method0("items")
    }

    fn __contains__(&self, key: Bound<'_, PyAny>) -> PyResult<bool> {
        self.dict(key.py())?.contains(key)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.dict(py)?.try_iter()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.dict(py)?.len()
    }

    fn __eq__(&self, py: Python<'_>, other: Bound<'_, PyAny>) -> Py<PyAny> {
        match other.cast::<Self>() {
            Ok(other) => (self.event() == other.get().event()).into_py_any(py).unwrap_or_else(|_| py.None()),
            Err(_) => py.NotImplemented(),
        }
    }

    fn __hash__(&self) -> u64 {
        let event = self.event();
        let mut hasher = DefaultHasher::new();
        (event.seq, &event.turn_id, event.event_type()).hash(&mut hasher);
        hasher.finish()
    }

    /// `PartDelta(seq=5, message_id='msg_…', part_id='prt_…', part_type='text', delta='Hel')`.
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let fields = slf.get().dict(slf.py())?.cast_into::<PyDict>()?;
        let mut shown = Vec::new();
        for (key, value) in fields.iter() {
            let key = key.cast::<PyString>()?.to_cow()?.into_owned();
            if !matches!(key.as_str(), "type" | "chatId" | "turnId") {
                shown.push(format!("{}={}", snake(&key), value.repr()?));
            }
        }
        Ok(format!("{}({})", slf.get_type().name()?, shown.join(", ")))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String, String))> {
        let parse = slf.py().import("turnwire._native")?.getattr("parse_event")?;
        let event = slf.get().event();
        // The type may have come beside the JSON.
        Ok((parse, (event.to_json(), event.event_type().to_owned())))
    }
}

/// `dict[key]`, or a `KeyError`.
pub(crate) fn dict_item<'py>(dict: &Bound<'py, PyAny>, key: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    dict.get_item(&key).map_err(|_| PyKeyError::new_err(key.unbind()))
}

/// A name of the wire as Python spells it.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// An object of the class `name` of `turnwire._models`.
pub(crate) fn model<'py>(py: Python<'py>, name: &str, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    static LOAD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let json = serde_json::to_string(value).map_err(internal)?;
    LOAD.import(py, "turnwire._models", "load")?.call1((name, json))
}

/// How a field becomes a Python object.
trait Field {
    fn object<'py>(&self, view: &View, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>>;
}

impl<T: Field> Field for Option<T> {
    fn object<'py>(&self, view: &View, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.as_ref().map_or_else(|| Ok(py.None().into_bound(py)), |value| value.object(view, py, name))
    }
}

impl Field for Duration {
    /// In milliseconds, as the event has it.
    fn object<'py>(&self, _: &View, py: Python<'py>, _: &str) -> PyResult<Bound<'py, PyAny>> {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX).into_bound_py_any(py)
    }
}

macro_rules! fields {
    (number: $($number:ty),*; text: $($text:ty),*; model: $($model:ty = $class:literal),*) => {
        $(impl Field for $number {
            fn object<'py>(&self, _: &View, py: Python<'py>, _: &str) -> PyResult<Bound<'py, PyAny>> {
                self.into_bound_py_any(py)
            }
        })*
        $(impl Field for $text {
            fn object<'py>(&self, _: &View, py: Python<'py>, _: &str) -> PyResult<Bound<'py, PyAny>> {
                Ok(PyString::new(py, self.as_str()).into_any())
            }
        })*
        $(impl Field for $model {
            fn object<'py>(&self, view: &View, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
                view.once(py, name, || model(py, $class, self))
            }
        })*
    };
}

fields! {
    number: u32;
    text: String, turnwire::MessageId, turnwire::PartId, turnwire::TurnId, turnwire::event::TurnStatus,
        turnwire::event::MessageKind, turnwire::event::FinishReason, turnwire::event::PartType, turnwire::Text;
    model: Part = "Part", UserMessage = "UserMessage", Usage = "Usage", MessageUsage = "MessageUsage",
        TurnError = "TurnError", Vec<InputRequest> = "InputRequests", turnwire::Timestamp = "Timestamp"
}

/// A field of an event, by its own name or by the one that it has in Rust.
macro_rules! member {
    ($body:ident.$field:ident) => {
        $body.$field
    };
    ($body:ident.$field:ident: $member:ident) => {
        $body.$member
    };
}

macro_rules! events {
    ($($name:ident = $kind:ident($($arg:literal),*) { $($field:ident $(: $member:ident)?),* })*) => {
        $(
            #[pyclass(frozen, extends = View, module = "turnwire")]
            pub(crate) struct $name;

            #[pymethods]
            impl $name {
                #[classattr]
                fn __match_args__(py: Python<'_>) -> PyResult<Py<PyAny>> {
                    let args: Vec<&str> = vec![$($arg),*];
                    pyo3::types::PyTuple::new(py, args)?.into_py_any(py)
                }

                $(#[getter]
                fn $field<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
                    let view = slf.as_super().get();
                    match &view.event().kind {
                        EventKind::$kind(body) => member!(body.$field $(: $member)?).object(view, slf.py(), stringify!($field)),
                        _ => Err(internal("an event of another kind")),
                    }
                })*
            }
        )*

        /// The view of an event.
        pub(crate) fn view(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
            match &event.kind {
                $(EventKind::$kind(_) => {
                    let base = PyClassInitializer::from(View { event, made: PyOnceLock::new() });
                    Ok(Bound::new(py, base.add_subclass($name))?.into_any())
                })*
                _ => Err(internal("an event without a class")),
            }
        }

        /// The classes, for the module.
        pub(crate) fn classes(py: Python<'_>) -> Vec<Bound<'_, PyType>> {
            vec![py.get_type::<View>(), $(py.get_type::<$name>()),*]
        }
    };
}

events! {
    TurnStarted = TurnStarted("user_message", "model") { user_message, model, started_at }
    TurnStatusChanged = TurnStatusChanged("status", "requests") { status, message, attempt, next_attempt_at, requests }
    MessageCreated = MessageCreated("message_id", "kind") { message_id, kind, model, agent, parent_part_id, created_at }
    PartDelta = PartDelta("delta", "part_id", "message_id") { message_id, part_id, part_type, kind, parent_part_id, delta }
    PartUpdated = PartUpdated("part", "message_id") { message_id, part_id, part_type, kind, parent_part_id, part }
    MessageCompleted = MessageCompleted("message_id", "finish_reason") {
        message_id, kind, parent_part_id, finish_reason, usage, error, completed_at
    }
    SessionUsage = SessionUsage("usage") { usage }
    TurnCompleted = TurnCompleted("status", "error") { status, merged_into, error, completed_at, duration_ms: duration }
    UnknownEvent = Unknown("type", "raw") {}
}
