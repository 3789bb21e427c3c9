//! The `OpenCode` process: started, watched, ended.

use super::api::Api;
use super::orphan;
use super::reason::said;
use super::secrets::{Channel, Secrets};
use super::setup::Setup;
use super::version;
use crate::runtime::{RuntimeError, RuntimeResult};
use std::collections::VecDeque;
use std::ops::Deref;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long it may take to listen.
const START: Duration = Duration::from_secs(60);
/// How often its health is asked for, and how many answers in a row may fail.
const HEALTH: Duration = Duration::from_secs(10);
const FAILURES: u32 = 3;
/// What it said last is waited for so long after it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The last lines it complained with, for a start that fails.
const LINES: usize = 20;

/// A running `OpenCode`.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) api: Api,
    child: tokio::sync::Mutex<Child>,
    pub(super) pid: u32,
    /// Set when we stop it, so that its end is expected.
    ending: AtomicBool,
    /// Cancelled when the process has ended.
    gone: CancellationToken,
    /// Whoever uses it; closed once it is retired.
    pub(super) users: TaskTracker,
}

/// A process while it is used, which a retired one is not ended in.
#[derive(Debug)]
pub(super) struct InUse {
    process: Arc<Process>,
    _user: TaskTrackerToken,
}

impl InUse {
    pub(super) fn new(process: &Arc<Process>) -> Self {
        Self { process: process.clone(), _user: process.users.token() }
    }
}

impl Deref for InUse {
    type Target = Arc<Process>;

    fn deref(&self) -> &Arc<Process> {
        &self.process
    }
}

impl Process {
    pub(super) async fn start(program: &Path, setup: &Setup) -> RuntimeResult<Arc<Self>> {
        #[cfg(unix)]
        {
            if let Some(process) = Self::run(program, setup, Channel::Input).await? {
                return Ok(process);
            }
            tracing::warn!(
                "this OpenCode accepts its password, its configuration and the keys of model providers only in its environment: \
                 while it starts, processes that an agent left running can read them there, and later in that of programs it \
                 starts; an OpenCode that is started without a wrapper script protects them"
            );
        }
        let process = Self::run(program, setup, Channel::Environment).await?;
        process.ok_or_else(|| RuntimeError::unavailable("OpenCode cannot be started."))
    }

    /// Starts it. Returns nothing if it listens but has not received its secrets by this channel.
    async fn run(program: &Path, setup: &Setup, channel: Channel) -> RuntimeResult<Option<Arc<Self>>> {
        let cannot =
            |error| RuntimeError::unavailable(format!("OpenCode ({}) cannot be started: {error}.", program.display()));
        let mut command = Command::new(program);
        // It listens on 4096, or on another port if that is in use, and prints which.
        command.args(["serve", "--hostname", "127.0.0.1", "--port", "0"]);
        command.env_clear().envs(setup.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&setup.folder);
        let secrets = Secrets::pass(&mut command, setup, channel).map_err(cannot)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        // A process group of its own: it can be stopped with all its children, and does not receive Ctrl-C of our terminal.
        command.process_group(0);
        let mut child = command.spawn().map_err(cannot)?;
        // Close our copy of its end of the socket, so that writing ends if the process does.
        drop(command);
        let pid = child.id().unwrap_or(0);
        // The program may be a launcher: if the start is abandoned, its children are stopped too.
        let group = Group(pid);
        orphan::note(&setup.pid_file, pid);
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        let kept = child.stderr.take().map(|stderr| tokio::spawn(keep_last(stderr, complaints.clone())));
        let listening = tokio::time::timeout(START, address(&mut child)).await;
        let Ok(Some(url)) = listening else {
            drop(group);
            let _ = child.wait().await;
            // Its last output may not have been read yet.
            if let Some(kept) = kept {
                let _ = tokio::time::timeout(LAST_WORDS, kept).await;
            }
            let lines: Vec<String> = complaints.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
            let why = said(&lines.join(" "));
            tracing::error!(why, "OpenCode did not start");
            if let Some(why) = version::of_program(program, setup).await.as_deref().and_then(version::refused) {
                return Err(RuntimeError::unavailable(why));
            }
            let why = if why.is_empty() { " and said nothing.".to_owned() } else { format!("; it said: {why}") };
            return Err(RuntimeError::unavailable(format!("OpenCode was started but does not listen{why}")));
        };
        if !secrets.are_received() {
            // No request has been sent to it yet.
            drop(group);
            let _ = child.wait().await;
            return Ok(None);
        }
        let api = Api::new(url, secrets.password)?;
        let version = api.version().await;
        let (child, gone) = (tokio::sync::Mutex::new(child), CancellationToken::new());
        let process = Self { api, child, pid, ending: AtomicBool::new(false), gone, users: TaskTracker::new() };
        let refused = match version {
            Ok(version) => {
                tracing::info!(version, pid, "OpenCode runs");
                version::refused(&version)
            }
            // From version 2 on this path has a page, and the API is elsewhere.
            Err(error) => {
                let version = version::of_program(program, setup).await;
                let known = version.as_deref().and_then(version::refused);
                Some(known.unwrap_or_else(|| {
                    let supported = version::SUPPORTED;
                    format!("This OpenCode does not answer as one that is supported. {supported} ({error})")
                }))
            }
        };
        if let Some(why) = refused {
            process.end().await;
            return Err(RuntimeError::unavailable(why));
        }
        group.keep();
        Ok(Some(Arc::new(process)))
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Waits until it is gone.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// Until it is gone; ends it when it no longer answers.
    pub(super) async fn watch(&self) {
        let mut failures = 0;
        loop {
            let ended = async { self.child.lock().await.wait().await };
            tokio::select! {
                ended = ended => {
                    if !self.ending.load(Ordering::Relaxed) {
                        tracing::warn!(status = ?ended.ok(), "OpenCode has ended");
                    }
                    break;
                }
                () = self.gone.cancelled() => return,
                () = tokio::time::sleep(HEALTH) => {}
            }
            failures = if self.api.version().await.is_ok() { 0 } else { failures + 1 };
            if failures >= FAILURES {
                tracing::error!("OpenCode does not answer any more and is ended");
                break;
            }
        }
        self.end().await;
    }

    /// Ends it, and all it started.
    pub(super) async fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        orphan::kill_group(self.pid);
        let mut child = self.child.lock().await;
        // Where there are no groups.
        let _ = child.start_kill();
        let _ = child.wait().await;
        self.gone.cancel();
    }
}

/// A group of processes, ended when it is dropped unless it is kept.
struct Group(u32);

impl Group {
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        orphan::kill_group(self.0);
    }
}

/// The address it says it listens on; the rest of what it says is read and thrown away, so that it never waits for a reader.
async fn address(child: &mut Child) -> Option<String> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(at) = line.find("http://") {
            let url = line[at..].split_whitespace().next()?.trim_end_matches('/').to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(url);
        }
    }
    None
}

async fn keep_last(stderr: impl AsyncRead + Unpin, kept: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}
