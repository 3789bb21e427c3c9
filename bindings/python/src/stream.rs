//! Streams: what core has read, handed out one by one to whoever reads.

use crate::error::{exception, no_pickle};
use crate::event::{View, view};
use crate::hub::Hub;
use crate::reader::{Frame, Reader};
use crate::relay::{item_of, relay_item};
use crate::response::pairs;
use crate::task::Task;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};
use turnwire::stream::RelayItem;
use turnwire::{Event, Result};
use turnwire_bridge::{RelayPump, TurnPump, TurnSource};

impl Frame for TurnSource {
    fn object(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
        view(py, event)
    }

    fn item(object: &Bound<'_, PyAny>) -> PyResult<Event> {
        Ok(object.cast::<View>()?.get().event().clone())
    }

    fn number(event: &Event) -> Option<u64> {
        Some(event.seq).filter(|&seq| seq > 0)
    }
}

impl Frame for turnwire::RelayStream {
    fn object(py: Python<'_>, item: RelayItem) -> PyResult<Bound<'_, PyAny>> {
        relay_item(py, item)
    }

    fn item(object: &Bound<'_, PyAny>) -> PyResult<RelayItem> {
        item_of(object)
    }

    fn number(item: &RelayItem) -> Option<u64> {
        item.cursor()
    }
}

/// The class of a stream, and that of a loop over it. `more`: what this stream has beside.
macro_rules! stream {
    ($(#[$doc:meta])* $name:ident($source:ty, $pump:ty), $items:ident, { $($more:tt)* }) => {
        $(#[$doc])*
        #[pyclass(frozen, weakref, module = "turnwire._native")]
        pub(crate) struct $name(Reader<$source>);

        impl $name {
            fn pump(&self) -> PyResult<&$pump> {
                self.0.pump.get()
            }
        }

        #[pymethods]
        impl $name {
            $($more)*

            fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
                self.0.traverse(&visit)
            }

            fn __clear__(&self) {
                self.0.clear();
            }

            fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
                Err(no_pickle(slf, "a stream belongs to its process", "pass its cursor on instead"))
            }

            /// A loop over what is left. `asking`: an error rather than a wait while the agent waits for an answer.
            #[pyo3(signature = (asking = false))]
            fn iterate(slf: Bound<'_, Self>, asking: bool) -> $items {
                $items { stream: slf.unbind(), asking, reader: 0.into() }
            }

            /// A new reader goes on from here.
            fn begin(&self) -> PyResult<u64> {
                self.0.begin()
            }

            /// What is at hand for this reader (0: whoever reads beside it), or `None`.
            fn at_hand<'py>(&self, py: Python<'py>, reader: u64) -> PyResult<Option<Bound<'py, PyAny>>> {
                self.0.at_hand(py, reader)
            }

            /// The next one for whoever reads beside a loop, waited for; `None` at the end.
            fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                self.0.next(py, 0, false)
            }

            /// Looks for more: how much is at hand, 0 at the end, or a future of the event loop `owner` that is set once
            /// there is more.
            #[pyo3(signature = (owner, hub, asking = false))]
            fn poll<'py>(
                &self,
                py: Python<'py>,
                owner: &Bound<'py, PyAny>,
                hub: &Bound<'py, Hub>,
                asking: bool,
            ) -> PyResult<Bound<'py, PyAny>> {
                self.0.poll(py, owner, hub, asking)
            }

            /// Refuses other readers from now on; `thread`: other threads.
            #[pyo3(signature = (thread = false))]
            fn hold(&self, thread: bool) -> PyResult<()> {
                self.0.hold(thread)
            }

            /// Lets other readers in again.
            fn release(&self) {
                self.0.release();
            }

            /// What was handed out last was not used: the next read hands it out.
            fn put_back(&self, item: &Bound<'_, PyAny>) -> PyResult<()> {
                self.0.put_back(item)
            }

            /// The number of the last one that was handed out and has one.
            #[getter]
            fn number(&self) -> Option<u64> {
                self.0.number()
            }

            fn close(&self) {
                self.0.close();
            }

            #[getter]
            fn status(&self) -> PyResult<u16> {
                Ok(self.pump()?.status())
            }

            #[getter]
            fn headers(&self) -> PyResult<Vec<(String, String)>> {
                Ok(pairs(&self.pump()?.headers()))
            }

            #[getter]
            fn request_id(&self) -> PyResult<Option<String>> {
                Ok(self.pump()?.request_id())
            }
        }

        /// A loop over a stream.
        #[pyclass(frozen, module = "turnwire._native")]
        pub(crate) struct $items {
            stream: Py<$name>,
            asking: bool,
            reader: std::sync::atomic::AtomicU64,
        }

        #[pymethods]
        impl $items {
            fn __iter__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                use std::sync::atomic::Ordering::Relaxed;
                let reader = &self.stream.get().0;
                // It takes over once it is read, and not when it is made.
                let mut begun = self.reader.load(Relaxed);
                if begun == 0 {
                    begun = reader.begin()?;
                    self.reader.store(begun, Relaxed);
                }
                reader.next(py, begun, self.asking)
            }

            fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
                visit.call(&self.stream)
            }
        }
    };
}

stream! {
    /// A turn that streams.
    TurnStream(TurnSource, TurnPump), TurnEvents, {
        /// Reads on: `null` at the end, a request that a handler has to answer, or a list of what became of the connection.
        /// Nothing is taken from those who iterate.
        fn attend(&self) -> PyResult<Task> {
            Task::start(self.pump()?.attend_json())
        }

        /// Calls `on_state`.
        fn tell(&self, py: Python<'_>, states: Vec<String>) {
            self.0.tell(py, states);
        }

        /// Whether this request is still to be put to a handler.
        fn claim(&self, request_id: &str) -> PyResult<bool> {
            Ok(self.pump()?.claim(request_id))
        }

        /// Its handler failed.
        fn retract(&self, request_id: &str) -> PyResult<()> {
            self.pump()?.retract(request_id);
            Ok(())
        }

        /// Cancels the turn of a caller that has failed, where its closing is to cancel it.
        fn abandon(&self) -> PyResult<Task> {
            Task::start(self.pump()?.abandon())
        }

        /// The turn of a stream that has ended.
        fn outcome(&self, py: Python<'_>) -> PyResult<String> {
            self.pump()?.outcome().map_err(|error| exception(py, &error))
        }

        fn snapshot(&self) -> PyResult<String> {
            Ok(self.pump()?.snapshot())
        }

        /// Where to go on after the event of this number.
        fn cursor_after(&self, seq: u64) -> PyResult<Option<String>> {
            Ok(self.pump()?.cursor_after(seq))
        }

        #[getter]
        fn chat_id(&self) -> PyResult<String> {
            Ok(self.pump()?.handle().chat_id().to_string())
        }

        #[getter]
        fn turn_id(&self) -> PyResult<Option<String>> {
            Ok(self.pump()?.handle().turn_id().map(ToString::to_string))
        }

        fn answer(&self, request_id: &str, answers: Vec<Vec<String>>) -> PyResult<Task> {
            Task::start(self.pump()?.answer(request_id, answers))
        }

        fn reject(&self, request_id: &str) -> PyResult<Task> {
            Task::start(self.pump()?.reject(request_id))
        }

        #[pyo3(signature = (request_id, reply, message = None))]
        fn allow(&self, py: Python<'_>, request_id: &str, reply: &str, message: Option<String>) -> PyResult<Task> {
            Task::start(self.pump()?.allow(request_id, reply, message).map_err(|error| exception(py, &error))?)
        }

        fn cancel(&self) -> PyResult<Task> {
            Task::start(self.pump()?.cancel())
        }
    }
}

stream! {
    /// A relay that streams.
    RelayStream(turnwire::RelayStream, RelayPump), RelayItems, {
        /// The number of the event it began after.
        #[getter]
        fn began_after(&self) -> PyResult<Option<u64>> {
            Ok(self.pump()?.began_after())
        }
    }
}

impl TurnStream {
    pub(crate) fn new(pump: TurnPump, on_state: Option<Py<PyAny>>) -> Self {
        let required = |pump: &TurnPump| -> Result<()> { pump.input_required().map_or(Ok(()), Err) };
        Self(Reader::new(pump, on_state, required))
    }
}

impl RelayStream {
    pub(crate) fn new(pump: RelayPump) -> Self {
        Self(Reader::new(pump, None, |_| Ok(())))
    }
}
