//! A file on its way up, piece by piece.

use crate::driver::Local;
use crate::error::no_pickle;
use crate::task::Task;
use pyo3::prelude::*;
use turnwire_bridge::{Done, Pieces};

/// What the pieces of one upload are handed over to.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct Upload {
    pieces: Local<Pieces>,
}

impl Upload {
    /// The file they make; nothing where it was taken before.
    pub(crate) fn content(&self) -> PyResult<Option<turnwire::chat::Upload>> {
        self.pieces.get().map(Pieces::content)
    }
}

#[pymethods]
impl Upload {
    #[new]
    fn new() -> Self {
        Self { pieces: Local::new(Pieces::default()) }
    }

    /// `None` where there was room for it, else what ends once there is, or once the request has ended.
    fn push(&self, data: &[u8]) -> PyResult<Option<Task>> {
        let pieces = self.pieces.get()?;
        let Err(piece) = pieces.try_push(data.to_vec().into()) else { return Ok(None) };
        let pushed = pieces.push(piece);
        Task::start(async move {
            pushed.await;
            Ok(Done::Nothing)
        })
        .map(Some)
    }

    /// That was all.
    fn end(&self) -> PyResult<()> {
        self.pieces.get().map(Pieces::end)
    }

    /// No more will come, and the file is not whole. After `end` it changes nothing.
    fn fail(&self) -> PyResult<()> {
        self.pieces.get().map(Pieces::fail)
    }

    /// Whether nobody takes any more.
    #[getter]
    fn is_over(&self) -> PyResult<bool> {
        self.pieces.get().map(Pieces::is_over)
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "an upload belongs to its process", "upload from the other process"))
    }
}
