//! The Python door into Turnwire: parse arguments, call core, wrap what comes back, map errors. No protocol decision
//! lives here. What users see is in `python/turnwire`; this is its `_native` module.

mod error;
mod event;
mod runtime;
mod turn;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::runtime::_shutdown;
    #[pymodule_export]
    use super::turn::{TurnAccumulator, parse_event};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        for class in super::event::classes(module.py()) {
            module.add(class.name()?, &class)?;
        }
        Ok(())
    }
}
