//! JSON to plain Python values, in one pass.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

/// What Python's own reader gives for this text. That one reads what serde does not, such as half of a surrogate pair, or
/// reads otherwise: fractions, and integers beyond 64 bits.
pub(crate) fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let mut reader = serde_json::Deserializer::from_str(json);
    match Plain(py).deserialize(&mut reader) {
        Ok(value) if reader.end().is_ok() => Ok(value),
        _ => LOADS.import(py, "json", "loads")?.call1((json,)),
    }
}

#[derive(Clone, Copy)]
struct Plain<'py>(Python<'py>);

fn made<T, E: Error>(value: PyResult<T>) -> Result<T, E> {
    value.map_err(E::custom)
}

impl<'de, 'py> DeserializeSeed<'de> for Plain<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

/// A name of the wire, of which there are few and each comes often.
struct Key<'py>(Python<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Key<'py> {
    type Value = Bound<'py, PyString>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'py> Visitor<'_> for Key<'py> {
    type Value = Bound<'py, PyString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(interned(self.0, name))
    }
}

/// Names of the wire that were made before.
static NAMES: Mutex<Option<HashMap<Box<str>, Py<PyString>>>> = Mutex::new(None);
/// How many of them are remembered, and how long they may be: the contract has some eighty, and a service may add its own.
const MOST: usize = 512;
const LONGEST: usize = 40;

/// The interned string of a name. To ask Python for it would make a string and hash it before it can be looked up.
fn interned<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyString> {
    // Never waited for: a process that was forked while another thread held the lock would wait for ever.
    let Ok(mut names) = NAMES.try_lock() else { return PyString::intern(py, name) };
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(name) {
        return known.bind(py).clone();
    }
    let made = PyString::intern(py, name);
    if names.len() < MOST && name.len() <= LONGEST {
        names.insert(name.into(), made.clone().unbind());
    }
    made
}

impl<'de, 'py> Visitor<'de> for Plain<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        made(value.into_bound_py_any(self.0))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        made(value.into_bound_py_any(self.0))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        made(value.into_bound_py_any(self.0))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(E::custom("for Python to read"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0, value).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(item) = items.next_element_seed(self)? {
            made(list.append(item))?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some(name) = fields.next_key_seed(Key(self.0))? {
            made(dict.set_item(name, fields.next_value_seed(self)?))?;
        }
        Ok(dict.into_any())
    }
}
