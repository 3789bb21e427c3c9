//! The one runtime of a process, and the one thread of ours that ever enters the interpreter.
//!
//! A forked child has none of its parent's threads: it builds a runtime of its own and leaves the parent's alone.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use turnwire::stream::Wake;

/// How long a blocking call waits before it looks for signals.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

pub(crate) struct Runtime {
    pid: u32,
    tokio: tokio::runtime::Runtime,
    wakes: mpsc::Sender<Message>,
}

enum Message {
    /// An event loop and one of its futures, which waits.
    Wake(Py<PyAny>, Py<PyAny>),
    Stop(mpsc::Sender<()>),
}

static RUNTIME: AtomicPtr<Runtime> = AtomicPtr::new(std::ptr::null_mut());
/// Set when the interpreter is on its way out: nothing of Python's may be touched from our threads any more.
static CLOSING: AtomicBool = AtomicBool::new(false);

/// The runtime of this process, made on first use.
pub(crate) fn runtime() -> PyResult<&'static Runtime> {
    let current = RUNTIME.load(Ordering::Acquire);
    // SAFETY: the pointer is null or came from `Box::into_raw` below, and is never freed once it was published.
    if let Some(runtime) = unsafe { current.as_ref() }
        && runtime.pid == std::process::id()
    {
        return Ok(runtime);
    }
    let made = Box::into_raw(Box::new(Runtime::start()?));
    match RUNTIME.compare_exchange(current, made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: published just now, hence never freed.
        Ok(_) => Ok(unsafe { &*made }),
        Err(won) => {
            // SAFETY: ours was never published; the winner was, and is not null as it replaced what we had loaded.
            drop(unsafe { Box::from_raw(made) });
            Ok(unsafe { &*won })
        }
    }
}

/// A value that lives on this process's runtime. A forked child can neither use it nor drop it: the threads behind it,
/// and the locks they may hold, are the parent's.
pub(crate) struct Local<T> {
    value: ManuallyDrop<T>,
    pid: u32,
}

impl<T> Local<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), pid: std::process::id() }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.pid == std::process::id()
    }

    pub(crate) fn get(&self) -> PyResult<&T> {
        if self.is_ours() {
            return Ok(&self.value);
        }
        Err(PyRuntimeError::new_err("this stream was opened before fork(): open a new one in the child process"))
    }
}

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

impl Runtime {
    fn start() -> PyResult<Self> {
        let failed = |error| PyRuntimeError::new_err(format!("turnwire cannot start its threads: {error}"));
        let (wakes, inbox) = mpsc::channel();
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("turnwire")
            .enable_all()
            .build()
            .map_err(failed)?;
        std::thread::Builder::new().name("turnwire-wake".into()).spawn(move || notify(&inbox)).map_err(failed)?;
        Ok(Self { pid: std::process::id(), tokio, wakes })
    }

    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        self.tokio.handle()
    }

    /// A wake-up for `future` of the event loop `owner`.
    pub(crate) fn waker(&self, owner: Py<PyAny>, future: Py<PyAny>) -> Wake {
        let wakes = self.wakes.clone();
        Box::new(move || {
            if CLOSING.load(Ordering::SeqCst) {
                // Giving a reference back needs the interpreter, which is going.
                std::mem::forget((owner, future));
            } else if let Err(mpsc::SendError(lost)) = wakes.send(Message::Wake(owner, future)) {
                std::mem::forget(lost);
            }
        })
    }
}

/// Wakes futures, as many as there are at once: one entry into the interpreter, one call for each event loop.
fn notify(inbox: &mpsc::Receiver<Message>) {
    while let Ok(first) = inbox.recv() {
        let mut waiting = Vec::new();
        let mut stop = None;
        for message in std::iter::once(first).chain(inbox.try_iter()) {
            match message {
                Message::Wake(owner, future) => waiting.push((owner, future)),
                Message::Stop(done) => stop = Some(done),
            }
        }
        if !waiting.is_empty() && Python::try_attach(|py| settle(py, waiting.drain(..))).is_none() {
            std::mem::forget(waiting);
            return;
        }
        if let Some(done) = stop {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
            return;
        }
    }
}

fn settle(py: Python<'_>, waiting: impl Iterator<Item = (Py<PyAny>, Py<PyAny>)>) {
    let mut loops: HashMap<usize, (Py<PyAny>, Vec<Py<PyAny>>)> = HashMap::new();
    for (owner, future) in waiting {
        loops.entry(owner.as_ptr() as usize).or_insert_with(|| (owner, Vec::new())).1.push(future);
    }
    for (owner, futures) in loops.into_values() {
        // A loop that was closed refuses: nobody waits there any more.
        let _ = py.import("turnwire._wait").and_then(|module| module.getattr("settle")).and_then(|settle| {
            let futures = PyList::new(py, futures)?;
            owner.bind(py).call_method1(pyo3::intern!(py, "call_soon_threadsafe"), (settle, futures))
        });
    }
}

/// Waits in slices, without the lock of the interpreter, and looks for signals between them.
pub(crate) fn block<T: Send>(py: Python<'_>, mut next: impl FnMut(Duration) -> Option<T> + Send) -> PyResult<T> {
    loop {
        if let Some(value) = py.detach(|| next(SLICE)) {
            return Ok(value);
        }
        py.check_signals()?;
    }
}

/// For `atexit`: no thread of ours may be on its way into the interpreter once that finalises.
#[pyfunction]
pub(crate) fn _shutdown(py: Python<'_>) {
    CLOSING.store(true, Ordering::SeqCst);
    // SAFETY: as in `runtime`.
    let Some(runtime) = (unsafe { RUNTIME.load(Ordering::Acquire).as_ref() }) else { return };
    if runtime.pid != std::process::id() {
        return;
    }
    let (done, stopped) = mpsc::channel();
    if runtime.wakes.send(Message::Stop(done)).is_ok() {
        py.detach(move || {
            // Late is no harm: the thread then finds no interpreter and ends.
            let _ = stopped.recv_timeout(Duration::from_secs(2));
        });
    }
}
