//! A process and folders of its own for each chat that is awake, and no more processes than may be.

use super::host::Host;
use super::orphan;
use super::session::LocalSession;
use super::surroundings::Surroundings;
use crate::runtime::{Opening, RuntimeError, RuntimeResult, Sink};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// So long a chat waits for another's process to end.
const ROOM_TIME: Duration = Duration::from_secs(30);

/// The processes of chats.
#[derive(Debug)]
pub(super) struct Isolated {
    program: Option<PathBuf>,
    config: Option<Value>,
    folder: PathBuf,
    most: usize,
    places: Arc<Semaphore>,
    /// So many chats wait for a place.
    waiting: AtomicUsize,
    wanted: Notify,
    /// By chat; each holds its place.
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// A chat's own process: ended when its session is let go of.
#[derive(Debug)]
pub(super) struct OwnProcess {
    isolated: Arc<Isolated>,
    chat: String,
    host: Arc<Host>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

/// Counted while it waits, also if the wait is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Isolated {
    pub(super) fn new(program: Option<PathBuf>, config: Option<Value>, folder: PathBuf, most: usize) -> Arc<Self> {
        Arc::new(Self {
            program,
            config,
            folder,
            most,
            places: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
            hosts: Mutex::default(),
        })
    }

    pub(super) async fn open(self: &Arc<Self>, opening: Opening, sink: Sink) -> RuntimeResult<LocalSession> {
        let place = self.place().await?;
        let chat = chat_of(&opening.directory);
        let surroundings = Surroundings::prepare(chats(&self.folder).join(&chat), self.config.as_ref());
        let surroundings = surroundings
            .map_err(|error| RuntimeError::unavailable(format!("OpenCode's folders cannot be made: {error}.")))?;
        let host = Host::new(self.program.clone(), surroundings, false);
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).insert(chat.clone(), host.clone());
        let own = Arc::new(OwnProcess { isolated: self.clone(), chat, host, place: Mutex::new(Some(place)) });
        let new = opening.session_id.is_none();
        let opened = async {
            let process = own.host.process().await?;
            LocalSession::open(process, Some(own.clone()), opening, sink).await
        };
        let opened = opened.await;
        if opened.is_err() {
            own.end(new).await;
        }
        opened
    }

    /// Removes what was kept of a chat that sleeps.
    pub(super) async fn forget(&self, chat: &str) {
        remove(&chats(&self.folder).join(chat)).await;
    }

    async fn place(&self) -> RuntimeResult<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        self.wanted.notify_one();
        match tokio::time::timeout(ROOM_TIME, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(RuntimeError::unavailable("The server is going down; try again in a moment.")),
            Err(_) => Err(RuntimeError::unavailable(format!(
                "All {} OpenCode processes this server may run are at work; try again when a turn has ended.",
                self.most
            ))),
        }
    }

    /// Waits until a chat waits for a place.
    pub(super) async fn crowded(&self) {
        while self.waiting.load(Ordering::Relaxed) == 0 {
            self.wanted.notified().await;
        }
    }

    pub(super) async fn stop(&self) {
        self.places.close();
        let hosts: Vec<_> = self.hosts.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        futures_util::future::join_all(hosts.iter().map(|(_, host)| host.stop())).await;
    }
}

impl OwnProcess {
    /// Ends the process, and only then gives its place to another. `for_good`: what it kept goes too.
    pub(super) async fn end(&self, for_good: bool) {
        self.host.stop().await;
        if for_good {
            self.isolated.forget(&self.chat).await;
        }
        self.leave();
    }

    fn leave(&self) {
        let mut hosts = self.isolated.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.get(&self.chat).is_some_and(|host| Arc::ptr_eq(host, &self.host)) {
            hosts.remove(&self.chat);
        }
        drop(hosts);
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for OwnProcess {
    /// Let go of without an end (the runtime was lost, or the wait for it given up): it is ended all the same.
    fn drop(&mut self) {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(place) = place else { return };
        let host = self.host.clone();
        self.leave();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                host.stop().await;
                drop(place);
            });
        }
    }
}

async fn remove(folder: &Path) {
    if let Err(error) = tokio::fs::remove_dir_all(folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "what OpenCode kept of a chat could not be removed");
    }
}

/// A chat's workspace is named as the chat.
pub(super) fn chat_of(workspace: &Path) -> String {
    workspace.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where the folders of chats are.
fn chats(folder: &Path) -> PathBuf {
    folder.join("chats")
}

/// Ends what a crashed server left running for single chats.
pub(super) fn end_orphans(folder: &Path) {
    for entry in std::fs::read_dir(chats(folder)).into_iter().flatten().flatten() {
        orphan::end(&Surroundings::pid_file(&entry.path()), &entry.path());
    }
}
