//! The supervisor of an `OpenCode` process: starts it on first use, and restarts it when it has ended.

use super::last_start::LastStart;
use super::process::{InUse, Process};
use super::setup::Setup;
use super::{find, orphan};
use crate::runtime::{RuntimeError, RuntimeResult};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The timeout for the process to end at shutdown.
const STOP_TIME: Duration = Duration::from_secs(5);
/// A process that ended sooner is restarted later, or when it is needed.
const LIVED: Duration = Duration::from_secs(5);

/// The folder of the notes of retired processes.
const RETIRED: &str = "retired";

/// One that could not be started is tried again after this time, then after twice as long, and so on up to the longest.
const AGAIN: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);

/// The supervisor of an `OpenCode` process.
#[derive(Debug)]
pub(super) struct Host {
    program: Option<PathBuf>,
    setup: Setup,
    /// Restart an ended process before it is needed.
    kept_up: bool,
    /// Held while the process is started, so that all callers wait for one start.
    process: tokio::sync::Mutex<Option<Arc<Process>>>,
    last_start: Arc<LastStart>,
    /// Cancelled at shutdown: a start is abandoned, and none follows.
    stopped: CancellationToken,
    /// Processes that end once nobody uses them any more.
    retired: TaskTracker,
}

impl Host {
    /// Stops processes that a crashed server left running.
    pub(super) fn new(program: Option<PathBuf>, setup: Setup, kept_up: bool, last_start: Arc<LastStart>) -> Arc<Self> {
        orphan::end(&setup.pid_file);
        orphan::end_all(&setup.folder.join(RETIRED));
        let (process, stopped) = (tokio::sync::Mutex::default(), CancellationToken::new());
        Arc::new(Self { program, setup, kept_up, process, last_start, stopped, retired: TaskTracker::new() })
    }

    /// The process, started if there is none.
    pub(super) async fn process(self: &Arc<Self>) -> RuntimeResult<InUse> {
        let mut place = self.process.lock().await;
        if let Some(process) = place.as_ref().filter(|process| !process.is_gone()) {
            return Ok(InUse::new(process));
        }
        let program = find::find(self.program.as_deref())?;
        let started = tokio::select! {
            biased;
            () = self.stopped.cancelled() => {
                return Err(RuntimeError::unavailable("OpenCode is being stopped; try again in a moment."));
            }
            started = Process::start(&program, &self.setup) => started,
        };
        self.last_start.note(&started);
        let process = started?;
        let used = InUse::new(&process);
        *place = Some(process.clone());
        tokio::spawn(look_after(self.clone(), process));
        Ok(used)
    }

    /// Whoever is in this process stays in it and nobody else comes: it ends with its last user, and others use the next one.
    pub(super) async fn retire(self: &Arc<Self>, process: &Arc<Process>) {
        let retired = self.process.lock().await.take_if(|current| Arc::ptr_eq(current, process));
        let Some(process) = retired else { return };
        process.users.close();
        let file = self.setup.folder.join(RETIRED).join(process.pid.to_string());
        orphan::note(&file, process.pid);
        let stopped = self.stopped.clone();
        self.retired.spawn(async move {
            tokio::select! {
                () = process.users.wait() => {}
                () = stopped.cancelled() => {}
            }
            process.end().await;
            orphan::forget(&file, process.pid);
        });
        if self.kept_up {
            self.start(Duration::ZERO);
        }
    }

    /// Starts the process in the background, again and again until it runs: whoever sends turns elsewhere because it does not run
    /// would never find out that it could. A chat that needs it meanwhile tries at once, and is told.
    pub(super) fn start(self: &Arc<Self>, after: Duration) {
        let host = self.clone();
        tokio::spawn(host.stopped.clone().run_until_cancelled_owned(async move {
            tokio::time::sleep(after).await;
            let mut wait = AGAIN;
            while let Err(error) = host.process().await {
                tracing::warn!(%error, "OpenCode could not be started");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST);
            }
        }));
    }

    /// Ends the process, and starts none any more.
    pub(super) async fn stop(&self) {
        self.stopped.cancel();
        let ended = tokio::time::timeout(STOP_TIME, async {
            // A concurrent start releases the lock and its process.
            if let Some(process) = self.process.lock().await.take() {
                process.end().await;
                orphan::forget(&self.setup.pid_file, process.pid);
            }
            self.retired.close();
            self.retired.wait().await;
        });
        if ended.await.is_err() {
            // It stays noted, so that the next server ends it.
            tracing::error!("OpenCode did not end in time and is left");
        }
    }
}

/// Waits until a process has ended, then starts the next one.
async fn look_after(host: Arc<Host>, process: Arc<Process>) {
    let began = std::time::Instant::now();
    process.watch().await;
    if !host.kept_up || host.stopped.is_cancelled() || process.users.is_closed() {
        return;
    }
    tracing::warn!("OpenCode is gone and is started again");
    if began.elapsed() > LIVED {
        host.start(Duration::from_millis(200));
    } else {
        let ended = "OpenCode ended right after it was started; the server's log may say why.";
        host.last_start.note(&Err::<(), _>(RuntimeError::unavailable(ended)));
        host.start(AGAIN);
    }
}
