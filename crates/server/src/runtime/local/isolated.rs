//! A process and folders of its own for each chat that is awake, and no more processes than may be.

use super::host::Host;
use super::last_start::LastStart;
use super::orphan;
use super::process::InUse;
use super::setup::{Settings, Setup};
use crate::runtime::{Crowded, Opening, QUEUE, RuntimeError, RuntimeResult};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// So long a chat waits for another's process to end.
const ROOM_TIME: Duration = Duration::from_secs(30);

/// The processes of chats.
#[derive(Debug)]
pub(super) struct Isolated {
    program: Option<PathBuf>,
    settings: Settings,
    folder: PathBuf,
    most: usize,
    places: Arc<Semaphore>,
    /// Signalled by a caller that waits for a free process.
    want: mpsc::Sender<Crowded>,
    wanted: tokio::sync::Mutex<mpsc::Receiver<Crowded>>,
    last_start: Arc<LastStart>,
    /// All whose process may run.
    hosts: Mutex<Vec<Arc<Host>>>,
}

/// A chat's own process, which is stopped when its session is released.
#[derive(Debug)]
pub(super) struct OwnProcess {
    isolated: Arc<Isolated>,
    chat: String,
    host: Arc<Host>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    /// The chat is not stored yet, so its files are removed with the process.
    new: AtomicBool,
}

impl Isolated {
    pub(super) fn new(
        program: Option<PathBuf>,
        settings: Settings,
        folder: PathBuf,
        most: usize,
        last_start: Arc<LastStart>,
    ) -> Arc<Self> {
        let (want, wanted) = mpsc::channel(QUEUE);
        let (places, wanted) = (Arc::new(Semaphore::new(most)), tokio::sync::Mutex::new(wanted));
        Arc::new(Self { program, settings, folder, most, places, want, wanted, last_start, hosts: Mutex::default() })
    }

    /// A process for a chat, not started yet. Until it is [kept](OwnProcess::keep), what a new chat has here goes with it.
    pub(super) async fn own(self: &Arc<Self>, opening: &Opening) -> RuntimeResult<Arc<OwnProcess>> {
        let place = self.place().await?;
        let chat = chat_of(&opening.directory);
        let setup = Setup::prepare(chats(&self.folder).join(&chat), &self.settings);
        let setup =
            setup.map_err(|error| RuntimeError::unavailable(format!("OpenCode's folders cannot be made: {error}.")))?;
        let host = Host::new(self.program.clone(), setup, false, self.last_start.clone());
        self.hosts().push(host.clone());
        let (place, new) = (Mutex::new(Some(place)), AtomicBool::new(opening.session_id.is_none()));
        Ok(Arc::new(OwnProcess { isolated: self.clone(), chat, host, place, new }))
    }

    /// Whether the chat of this workspace was made here.
    pub(super) fn has(&self, workspace: &Path) -> bool {
        chats(&self.folder).join(chat_of(workspace)).is_dir()
    }

    /// Removes the files of a sleeping chat.
    pub(super) async fn forget(&self, chat: &str) {
        remove(&chats(&self.folder).join(chat)).await;
    }

    async fn place(&self) -> RuntimeResult<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        let (waiting, crowded) = Crowded::new();
        let busy = || {
            let most = self.most;
            RuntimeError::unavailable(format!(
                "All {most} OpenCode processes this server may run are at work; try again when a turn has ended."
            ))
        };
        self.want.try_send(crowded).map_err(|_| busy())?;
        let place = tokio::time::timeout(ROOM_TIME, self.places.clone().acquire_owned()).await;
        drop(waiting);
        place
            .map_err(|_| busy())?
            .map_err(|_| RuntimeError::unavailable("The server is going down; try again in a moment."))
    }

    /// Waits until a chat waits for a place.
    pub(super) async fn crowded(&self) -> Crowded {
        match self.wanted.lock().await.recv().await {
            Some(crowded) => crowded,
            // The sender lives as long as this.
            None => std::future::pending().await,
        }
    }

    pub(super) async fn stop(&self) {
        self.places.close();
        let hosts = self.hosts().clone();
        futures_util::future::join_all(hosts.iter().map(|host| host.stop())).await;
    }

    fn hosts(&self) -> MutexGuard<'_, Vec<Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnProcess {
    /// The process, started if it does not run.
    pub(super) async fn process(&self) -> RuntimeResult<InUse> {
        self.host.process().await
    }

    /// The chat is stored: its files stay when the process ends.
    pub(super) fn keep(&self) {
        self.new.store(false, Ordering::Relaxed);
    }

    /// Stops the process, and only then frees its slot. `for_good`: also removes its files.
    pub(super) async fn end(&self, for_good: bool) {
        let Some(ending) = self.ending(for_good) else { return };
        // Completes even if the caller disconnects.
        if let Err(error) = tokio::spawn(ending).await {
            tracing::error!(%error, "an OpenCode process was not ended");
        }
    }

    /// `None`: it was ended before.
    fn ending(&self, for_good: bool) -> Option<impl Future<Output = ()> + Send + use<>> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (isolated, host, chat) = (self.isolated.clone(), self.host.clone(), self.chat.clone());
        let for_good = for_good || self.new.load(Ordering::Relaxed);
        Some(async move {
            host.stop().await;
            isolated.hosts().retain(|other| !Arc::ptr_eq(other, &host));
            if for_good {
                isolated.forget(&chat).await;
            }
            drop(place);
        })
    }
}

impl Drop for OwnProcess {
    /// Stops the process if it is dropped without an end (a lost runtime, or an abandoned wait).
    fn drop(&mut self) {
        if let (Some(ending), Ok(runtime)) = (self.ending(false), tokio::runtime::Handle::try_current()) {
            runtime.spawn(ending);
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

/// The folder of the chats' folders.
fn chats(folder: &Path) -> PathBuf {
    folder.join("chats")
}

/// Stops processes of single chats that a crashed server left running.
pub(super) fn end_orphans(folder: &Path) {
    for entry in std::fs::read_dir(chats(folder)).into_iter().flatten().flatten() {
        orphan::end(&Setup::pid_file(&entry.path()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Arc, Isolated, ROOM_TIME, Settings};

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_says_so_waits_and_is_told_in_a_sentence() {
        let settings = Settings {
            config: None,
            workspaces: "unused".into(),
            project_config: false,
            pass_env: Vec::new(),
            provider_env: false,
        };
        let isolated = Isolated::new(None, settings, "unused".into(), 1, Arc::default());
        let held = isolated.place().await.unwrap();
        let waiting = tokio::spawn({
            let isolated = isolated.clone();
            async move { isolated.place().await }
        });
        let crowded = isolated.crowded().await;
        assert!(!crowded.is_over());
        drop(held);
        let held = waiting.await.unwrap().unwrap();
        assert!(crowded.is_over());

        let began = tokio::time::Instant::now();
        let refused = isolated.place().await.unwrap_err();
        assert_eq!(began.elapsed(), ROOM_TIME);
        assert!(refused.message.contains("All 1 OpenCode processes"), "{refused}");
        drop(held);
    }
}
