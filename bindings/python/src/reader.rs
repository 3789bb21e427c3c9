//! Who reads a stream, and how far it has come.
//!
//! A stream has one reader at a time. A new loop goes on where the last one stopped; the one that it took over from, if it
//! reads on, gets an error rather than a stream with holes. `next()` reads beside a loop, from the same place.

use crate::driver::{Local, block};
use crate::error::exception;
use crate::hub::{Hub, Seat};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::{self, ThreadId};
use turnwire::Error;
use turnwire_bridge::{Batch, Pump, Source};

/// How the items of a stream look in Python.
pub(crate) trait Frame: Source {
    /// The object of an item.
    fn object(py: Python<'_>, item: Self::Item) -> PyResult<Bound<'_, PyAny>>;

    /// The item of an object.
    fn item(object: &Bound<'_, PyAny>) -> PyResult<Self::Item>;

    /// Where a stream goes on after the item, if that has a number.
    fn number(item: &Self::Item) -> Option<u64>;
}

/// A pump, and the items at hand.
pub(crate) struct Reader<S: Frame> {
    pub(crate) pump: Local<Pump<S>>,
    place: Mutex<Place<S>>,
    seat: Seat,
    /// Called, by whoever reads, with what became of the connection.
    on_state: Mutex<Option<Py<PyAny>>>,
    /// Why a reader that waits for the end would wait in vain.
    required: fn(&Pump<S>) -> turnwire::Result<()>,
}

struct Place<S: Frame> {
    /// Read and not handed out.
    ready: VecDeque<S::Item>,
    /// What comes after them.
    failed: Option<Error>,
    /// The number of the last item that was handed out, and that of the one before.
    number: Option<u64>,
    before: Option<u64>,
    /// The loop that reads; each new one has the next number.
    reader: u64,
    held: Held,
}

/// Who keeps other readers out.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    Nobody,
    /// A reader that waits for more, or a task whose handler runs.
    Reader,
    /// A thread whose handler runs, which may read on itself; how many of its handlers run within each other.
    Thread(ThreadId, u32),
}

impl<S: Frame> Place<S> {
    fn alone(&self) -> PyResult<()> {
        let refused = match self.held {
            Held::Nobody => false,
            Held::Reader => true,
            Held::Thread(thread, _) => thread != thread::current().id(),
        };
        if refused {
            return Err(PyRuntimeError::new_err(
                "two tasks or two threads read one stream at once; read it in one and pass the events on",
            ));
        }
        Ok(())
    }

    fn take(&mut self) -> Option<S::Item> {
        let item = self.ready.pop_front()?;
        self.before = self.number;
        self.number = S::number(&item).or(self.number);
        Some(item)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Frame> Reader<S> {
    pub(crate) fn new(
        pump: Pump<S>,
        on_state: Option<Py<PyAny>>,
        required: fn(&Pump<S>) -> turnwire::Result<()>,
    ) -> Self {
        let place =
            Place { ready: VecDeque::new(), failed: None, number: None, before: None, reader: 0, held: Held::Nobody };
        Self {
            pump: Local::new(pump),
            place: Mutex::new(place),
            seat: Seat::default(),
            on_state: Mutex::new(on_state),
            required,
        }
    }

    /// What is called may hold the stream: the collector must see that.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Held only for a moment, and never while Python runs.
        match self.on_state.try_lock() {
            Ok(on_state) => on_state.as_ref().map_or(Ok(()), |on_state| visit.call(on_state)),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn clear(&self) {
        let held = lock(&self.on_state).take();
        drop(held);
    }

    pub(crate) fn begin(&self) -> PyResult<u64> {
        let mut place = lock(&self.place);
        place.alone()?;
        place.reader += 1;
        Ok(place.reader)
    }

    /// `thread`: this thread may read on.
    pub(crate) fn hold(&self, thread: bool) -> PyResult<()> {
        let mut place = lock(&self.place);
        place.alone()?;
        place.held = match place.held {
            Held::Thread(thread, depth) => Held::Thread(thread, depth + 1),
            _ if thread => Held::Thread(thread::current().id(), 1),
            _ => Held::Reader,
        };
        Ok(())
    }

    pub(crate) fn release(&self) {
        let mut place = lock(&self.place);
        place.held = match place.held {
            Held::Thread(thread, depth) if depth > 1 => Held::Thread(thread, depth - 1),
            _ => Held::Nobody,
        };
    }

    pub(crate) fn number(&self) -> Option<u64> {
        lock(&self.place).number
    }

    pub(crate) fn put_back(&self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let item = S::item(object)?;
        let mut place = lock(&self.place);
        place.ready.push_front(item);
        place.number = place.before;
        Ok(())
    }

    /// The next item at hand for this reader; where there is none, the place, which only this reader looks at meanwhile.
    fn look(&self, reader: u64) -> PyResult<Result<S::Item, MutexGuard<'_, Place<S>>>> {
        let mut place = lock(&self.place);
        if reader != 0 && reader != place.reader {
            return Err(PyRuntimeError::new_err(
                "another loop has gone on with this stream; read it in one place and pass the events on",
            ));
        }
        place.alone()?;
        Ok(place.take().ok_or(place))
    }

    pub(crate) fn at_hand<'py>(&self, py: Python<'py>, reader: u64) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.look(reader)? {
            Ok(item) => S::object(py, item).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The next item, waited for with this thread blocked; `None` at the end.
    pub(crate) fn next<'py>(&self, py: Python<'py>, reader: u64, asking: bool) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            let former = match self.look(reader)? {
                Ok(item) => return S::object(py, item).map(Some),
                Err(mut place) => {
                    if let Some(error) = place.failed.take() {
                        drop(place);
                        return Err(exception(py, &error));
                    }
                    std::mem::replace(&mut place.held, Held::Reader)
                }
            };
            let read = self.read(py, asking);
            lock(&self.place).held = former;
            if !read? {
                return Ok(None);
            }
        }
    }

    /// Waits for more; `false` at the end.
    fn read(&self, py: Python<'_>, asking: bool) -> PyResult<bool> {
        let pump = self.pump.get()?;
        let read = block(py, |slice| match pump.next_blocking(slice) {
            Poll::Pending if asking => match (self.required)(pump) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            polled => polled.map(Ok),
        })?;
        match read.map_err(|error| exception(py, &error))? {
            Some(batch) => {
                self.load(py, batch);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    pub(crate) fn poll<'py>(
        &self,
        py: Python<'py>,
        owner: &Bound<'py, PyAny>,
        hub: &Bound<'py, Hub>,
        asking: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pump = self.pump.get()?;
        loop {
            {
                let mut place = lock(&self.place);
                if !place.ready.is_empty() {
                    return place.ready.len().into_bound_py_any(py);
                }
                if let Some(error) = place.failed.take() {
                    drop(place);
                    return Err(exception(py, &error));
                }
            }
            match self.seat.poll(owner, hub, |waker| pump.poll(waker))? {
                Ok(Some(batch)) => self.load(py, batch),
                Ok(None) => return 0.into_bound_py_any(py),
                Err(future) => {
                    if asking {
                        (self.required)(pump).map_err(|error| exception(py, &error))?;
                    }
                    return Ok(future);
                }
            }
        }
    }

    fn load(&self, py: Python<'_>, batch: Batch<S::Item>) {
        let Batch { states, items, error, .. } = batch;
        if !states.is_empty() {
            self.tell(py, states.iter().filter_map(|state| serde_json::to_string(state).ok()).collect());
        }
        let mut place = lock(&self.place);
        if place.ready.is_empty() {
            place.ready = items.into();
        } else {
            place.ready.extend(items);
        }
        place.failed = error;
    }

    pub(crate) fn tell(&self, py: Python<'_>, states: Vec<String>) {
        let watched = lock(&self.on_state).as_ref().map(|it| it.clone_ref(py));
        let Some(on_state) = watched else { return };
        for state in states {
            // It looks on; what it gets wrong is not the stream's affair.
            if let Err(error) = on_state.call1(py, (state,)) {
                error.write_unraisable(py, Some(on_state.bind(py)));
            }
        }
    }

    /// What was read and not handed out is gone with it.
    pub(crate) fn close(&self) {
        if let Ok(pump) = self.pump.get() {
            pump.close();
            let mut place = lock(&self.place);
            place.ready.clear();
            place.failed = None;
        }
    }
}
