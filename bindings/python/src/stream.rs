//! Streams: batches that core has read ahead, taken by whoever reads.

use crate::client::permission_reply;
use crate::error::{exception, internal, no_pickle};
use crate::event::view;
use crate::relay::relay_item;
use crate::response::pairs;
use crate::runtime::{Local, block, runtime};
use crate::task::{Answer, Task};
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit};
use std::sync::{Arc, Mutex, PoisonError};
use turnwire::stream::{Attended, Batch, Polled, Pump, PumpSource, RelayBatch, RelayPump, TurnPump};
use turnwire::{Error, RequestId};

/// A batch as Python gets it: its items, and the error that came after them.
trait Items {
    fn items<'py>(self: &Arc<Self>, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>>;
    fn error(&self) -> Option<&Error>;
    /// What became of the connection before, as JSON.
    fn states(&self) -> Vec<String> {
        vec![]
    }
}

impl Items for Batch {
    fn states(&self) -> Vec<String> {
        self.states.iter().filter_map(|state| serde_json::to_string(state).ok()).collect()
    }

    fn items<'py>(self: &Arc<Self>, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        (0..self.events.len()).map(|at| view(py, self, at)).collect()
    }

    fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

impl Items for RelayBatch {
    fn items<'py>(self: &Arc<Self>, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        (0..self.items.len()).map(|at| relay_item(py, self, at)).collect()
    }

    fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

/// What both kinds of stream are: a pump, and the batch whose events were handed over and whose error was not yet.
struct Reader<S: PumpSource> {
    pump: Local<Arc<Pump<S>>>,
    /// Called, by whoever reads, with what became of the connection.
    on_state: Mutex<Option<Py<PyAny>>>,
    failed: Mutex<Option<Arc<S::Batch>>>,
}

impl<S: PumpSource> Reader<S>
where
    S::Batch: Items,
{
    fn new(pump: Pump<S>, on_state: Option<Py<PyAny>>) -> Self {
        Self { pump: Local::new(Arc::new(pump)), on_state: Mutex::new(on_state), failed: Mutex::default() }
    }

    /// What is called may hold the stream: the collector must see that.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Held only for a moment, and never while Python runs.
        match self.on_state.try_lock() {
            Ok(on_state) => on_state.as_ref().map_or(Ok(()), |on_state| visit.call(on_state)),
            Err(_) => Ok(()),
        }
    }

    fn clear(&self) {
        let held = self.on_state.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(held);
    }

    fn poll<'py>(&self, py: Python<'py>, owner: Py<PyAny>, future: Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let pump = self.pump.get()?;
        let wake = runtime()?.waker(owner, future);
        self.hand_over(py, || Ok(pump.poll(Some(wake))))
    }

    /// `stop` is asked where nothing is there: an error ends the wait.
    fn wait<'py>(
        &self,
        py: Python<'py>,
        stop: impl Fn(&Pump<S>) -> Option<Error> + Sync,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pump = self.pump.get()?;
        self.hand_over(py, || {
            let polled = block(py, |slice| match pump.next_blocking(slice) {
                Polled::Pending => stop(pump).map(Err),
                ready => Some(Ok(ready)),
            })?;
            polled.map_err(|error| exception(py, &error))
        })
    }

    /// A list of what is there; `None` at the end, `NotImplemented` where nothing is there yet.
    fn hand_over<'py>(
        &self,
        py: Python<'py>,
        next: impl FnOnce() -> PyResult<Polled<S::Batch>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let batch = match failed {
            Some(batch) => return Err(failure(py, &*batch)),
            None => match next()? {
                Polled::Batch(batch) => batch,
                Polled::Ended => return Ok(py.None().into_bound(py)),
                Polled::Pending => return Ok(py.NotImplemented().into_bound(py)),
            },
        };
        self.tell(py, batch.states());
        let items = batch.items(py)?;
        if batch.error().is_some() {
            if items.is_empty() {
                return Err(failure(py, &*batch));
            }
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch);
        }
        Ok(PyList::new(py, items)?.into_any())
    }

    fn tell(&self, py: Python<'_>, states: Vec<String>) {
        let watched = self.on_state.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.clone_ref(py));
        let Some(on_state) = watched else { return };
        for state in states {
            // It looks on; what it gets wrong is not the stream's affair.
            if let Err(error) = on_state.call1(py, (state,)) {
                error.write_unraisable(py, Some(on_state.bind(py)));
            }
        }
    }

    fn close(&self) {
        if let Ok(pump) = self.pump.get() {
            pump.close();
        }
    }
}

fn failure(py: Python<'_>, batch: &impl Items) -> PyErr {
    batch.error().map_or_else(|| internal("a failure without an error"), |error| exception(py, error))
}

/// A turn that streams.
#[pyclass(frozen, weakref, module = "turnwire._native")]
pub(crate) struct TurnStream(Reader<turnwire::stream::TurnStream>);

impl TurnStream {
    pub(crate) fn new(pump: TurnPump, on_state: Option<Py<PyAny>>) -> Self {
        Self(Reader::new(pump, on_state))
    }
}

#[pymethods]
impl TurnStream {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }

    fn __clear__(&self) {
        self.0.clear();
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a stream belongs to its process", "pass its cursor on instead"))
    }

    /// `asking`: an error rather than a wait while the agent waits for an answer.
    #[pyo3(signature = (owner, future, asking = false))]
    fn poll<'py>(
        &self,
        py: Python<'py>,
        owner: Py<PyAny>,
        future: Py<PyAny>,
        asking: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let got = self.0.poll(py, owner, future)?;
        let waits = asking && got.is(py.NotImplemented());
        match waits.then(|| self.0.pump.get().map(|pump| pump.input_required())).transpose()?.flatten() {
            Some(error) => Err(exception(py, &error)),
            None => Ok(got),
        }
    }

    #[pyo3(signature = (asking = false))]
    fn wait<'py>(&self, py: Python<'py>, asking: bool) -> PyResult<Bound<'py, PyAny>> {
        self.0.wait(py, |pump| if asking { pump.input_required() } else { None })
    }

    fn close(&self) {
        self.0.close();
    }

    /// Reads on: `null` at the end, a request that a handler has to answer, or a list of what became of the connection.
    /// Nothing is taken from those who iterate.
    fn attend(&self) -> PyResult<Task> {
        let pump = self.0.pump.get()?.clone();
        Task::start(async move {
            let met = match pump.attend().await? {
                Attended::Asked(request) => serde_json::to_string(&request),
                Attended::States(states) => serde_json::to_string(&states),
                _ => Ok("null".to_owned()),
            };
            Ok(Answer::Json(met.unwrap_or_default()))
        })
    }

    /// Calls `on_state`.
    fn tell(&self, py: Python<'_>, states: Vec<String>) {
        self.0.tell(py, states);
    }

    /// Whether this request is still to be put to a handler.
    fn claim(&self, request_id: &str) -> PyResult<bool> {
        Ok(self.0.pump.get()?.handle().claim(&RequestId::from(request_id)))
    }

    /// Its handler failed.
    fn retract(&self, request_id: &str) -> PyResult<()> {
        self.0.pump.get()?.handle().retract(&RequestId::from(request_id));
        Ok(())
    }

    /// Cancels the turn of a caller that has failed, where its closing is to cancel it.
    fn abandon(&self) -> PyResult<Task> {
        let abandon = self.0.pump.get()?.abandon();
        Task::start(async move {
            abandon.await;
            Ok(Answer::Chunk(None))
        })
    }

    /// The ended turn.
    fn result(&self) -> PyResult<Task> {
        let pump = self.0.pump.get()?.clone();
        Task::start(async move {
            let turn = pump.result().await?;
            Ok(Answer::Json(serde_json::to_string(&turn).unwrap_or_default()))
        })
    }

    fn snapshot(&self) -> PyResult<String> {
        serde_json::to_string(&self.0.pump.get()?.snapshot()).map_err(internal)
    }

    /// Where to go on after the event of this number.
    fn cursor_after(&self, seq: u64) -> PyResult<Option<String>> {
        Ok(self.0.pump.get()?.cursor_after(seq))
    }

    #[getter]
    fn status(&self) -> PyResult<u16> {
        Ok(self.0.pump.get()?.status())
    }

    #[getter]
    fn headers(&self) -> PyResult<Vec<(String, String)>> {
        Ok(pairs(&self.0.pump.get()?.headers()))
    }

    #[getter]
    fn request_id(&self) -> PyResult<Option<String>> {
        Ok(self.0.pump.get()?.request_id())
    }

    #[getter]
    fn chat_id(&self) -> PyResult<String> {
        Ok(self.0.pump.get()?.handle().chat_id().to_string())
    }

    #[getter]
    fn turn_id(&self) -> PyResult<Option<String>> {
        Ok(self.0.pump.get()?.handle().turn_id().map(ToString::to_string))
    }

    fn answer(&self, request_id: &str, answers: Vec<Vec<String>>) -> PyResult<Task> {
        let (turn, request) = (self.0.pump.get()?.handle(), RequestId::from(request_id));
        Task::start(async move { turn.answer(&request, answers).await.map(|()| Answer::Chunk(None)) })
    }

    fn reject(&self, request_id: &str) -> PyResult<Task> {
        let (turn, request) = (self.0.pump.get()?.handle(), RequestId::from(request_id));
        Task::start(async move { turn.reject(&request).await.map(|()| Answer::Chunk(None)) })
    }

    #[pyo3(signature = (request_id, reply, message = None))]
    fn allow(&self, request_id: &str, reply: &str, message: Option<String>) -> PyResult<Task> {
        let (turn, request) = (self.0.pump.get()?.handle(), RequestId::from(request_id));
        let reply = permission_reply(reply, message)?;
        Task::start(async move { turn.allow(&request, reply).await.map(|()| Answer::Chunk(None)) })
    }

    fn cancel(&self) -> PyResult<Task> {
        let turn = self.0.pump.get()?.handle();
        Task::start(async move { turn.cancel().await.map(|_| Answer::Chunk(None)) })
    }
}

/// A relay that streams.
#[pyclass(frozen, weakref, module = "turnwire._native")]
pub(crate) struct RelayStream(Reader<turnwire::stream::RelayStream>);

impl RelayStream {
    pub(crate) fn new(pump: RelayPump) -> Self {
        Self(Reader::new(pump, None))
    }
}

#[pymethods]
impl RelayStream {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }

    fn __clear__(&self) {
        self.0.clear();
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a stream belongs to its process", "pass its cursor on instead"))
    }

    fn poll<'py>(&self, py: Python<'py>, owner: Py<PyAny>, future: Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.0.poll(py, owner, future)
    }

    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.wait(py, |_| None)
    }

    /// The number of the event it began after.
    #[getter]
    fn began_after(&self) -> PyResult<Option<u64>> {
        Ok(self.0.pump.get()?.began_after())
    }

    fn close(&self) {
        self.0.close();
    }

    #[getter]
    fn status(&self) -> PyResult<u16> {
        Ok(self.0.pump.get()?.status())
    }

    #[getter]
    fn headers(&self) -> PyResult<Vec<(String, String)>> {
        Ok(pairs(&self.0.pump.get()?.headers()))
    }

    #[getter]
    fn request_id(&self) -> PyResult<Option<String>> {
        Ok(self.0.pump.get()?.request_id())
    }
}
