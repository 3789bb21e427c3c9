//! The Python door into Turnwire: parse arguments, call core, wrap what comes back, map errors. No protocol decision
//! lives here. What users see is in `python/turnwire`; this is its `_native` module.

mod cli;
mod client;
mod driver;
mod error;
mod event;
mod hub;
mod json;
mod reader;
mod relay;
mod response;
mod stream;
mod task;
mod turn;
mod upload;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::cli::NativeProgram;
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::hub::Hub;
    #[pymodule_export]
    use super::relay::{RelayEvent, RelayGap, RelayReset, relay_event};
    #[pymodule_export]
    use super::response::{Download, RawAnswer, frame};
    #[pymodule_export]
    use super::stream::{RelayItems, RelayStream, TurnEvents, TurnStream};
    #[pymodule_export]
    use super::task::Task;
    #[pymodule_export]
    use super::turn::{TurnAccumulator, parse_event};
    #[pymodule_export]
    use super::upload::Upload;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        for class in super::event::classes(module.py()) {
            module.add(class.name()?, &class)?;
        }
        Ok(())
    }
}
