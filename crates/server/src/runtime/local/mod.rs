//! `OpenCode` on this machine: one process for all chats, a folder and an event reader for each.
//!
//! The process is started when it is first needed, watched, and started again when it is gone.

mod api;
mod events;
mod find;
mod orphan;
mod process;
mod session;
mod surroundings;

use super::{Opening, Runtime, RuntimeError, RuntimeResult, Session, Sink};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use process::Process;
use serde_json::Value;
use session::LocalSession;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use surroundings::Surroundings;
use tokio_util::sync::CancellationToken;

/// At the end the process gets so long to be gone.
const STOP_TIME: Duration = Duration::from_secs(5);

/// `OpenCode` on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Local(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: Option<PathBuf>,
    surroundings: Surroundings,
    /// Held while the process is started: all wait for the one start.
    process: tokio::sync::Mutex<Option<Arc<Process>>>,
    /// The server goes down: a start is given up, and none follows.
    stopped: CancellationToken,
}

impl Local {
    /// Ends what a crashed server left running. The process itself is started in the background, so that the first chat need not
    /// wait for it.
    pub(crate) fn new(program: Option<PathBuf>, config: Option<&Value>, data: &Path) -> std::io::Result<Self> {
        let surroundings = Surroundings::prepare(data, config)?;
        orphan::end(&surroundings.pid_file, &surroundings.folder);
        let local = Self(Arc::new(Inner {
            program,
            surroundings,
            process: tokio::sync::Mutex::default(),
            stopped: CancellationToken::new(),
        }));
        if local.0.find().is_ok() {
            local.0.start_again(Duration::ZERO);
        }
        Ok(local)
    }
}

impl Inner {
    fn find(&self) -> RuntimeResult<PathBuf> {
        find::find(self.program.as_deref())
    }

    /// The process, started if there is none.
    async fn process(self: &Arc<Self>) -> RuntimeResult<Arc<Process>> {
        let mut place = self.process.lock().await;
        if let Some(process) = place.as_ref().filter(|process| !process.is_gone()) {
            return Ok(process.clone());
        }
        let program = self.find()?;
        let process = tokio::select! {
            biased;
            () = self.stopped.cancelled() => {
                return Err(RuntimeError::unavailable("The server is going down; try again in a moment."));
            }
            started = Process::start(&program, &self.surroundings) => started?,
        };
        *place = Some(process.clone());
        tokio::spawn(look_after(self.clone(), process.clone()));
        Ok(process)
    }

    fn start_again(self: &Arc<Self>, after: Duration) {
        let inner = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Err(error) = inner.process().await
                && !inner.stopped.is_cancelled()
            {
                // The next chat that needs it tries again, and is told.
                tracing::warn!(%error, "OpenCode could not be started");
            }
        });
    }
}

/// Watches a process until it is gone, then starts the next one. One that dies at once is not started again until it is asked for.
async fn look_after(inner: Arc<Inner>, process: Arc<Process>) {
    let began = std::time::Instant::now();
    process.watch().await;
    if !inner.stopped.is_cancelled() && began.elapsed() > Duration::from_secs(5) {
        tracing::warn!("OpenCode is gone and is started again");
        inner.start_again(Duration::from_millis(200));
    }
}

impl Runtime for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn ready(&self) -> RuntimeResult<()> {
        self.0.find().map(drop)
    }

    fn open(&self, opening: Opening, sink: Sink) -> BoxFuture<'_, RuntimeResult<Arc<dyn Session>>> {
        async move {
            let process = self.0.process().await?;
            let session = LocalSession::open(process, opening, sink).await?;
            Ok(Arc::new(session) as Arc<dyn Session>)
        }
        .boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        async {
            self.0.stopped.cancel();
            let ended = tokio::time::timeout(STOP_TIME, async {
                // Whoever starts it lets go of the lock, and of what was started.
                if let Some(process) = self.0.process.lock().await.take() {
                    process.end().await;
                }
            });
            if ended.await.is_ok() {
                orphan::forget(&self.0.surroundings.pid_file);
            } else {
                // It stays noted, so that the next server ends it.
                tracing::error!("OpenCode did not end in time and is left");
            }
        }
        .boxed()
    }
}
