//! The chats in memory: each is loaded from its log on first use, and dropped when it is unused.

use super::creating::Creating;
use super::{Chat, Idempotency, Shared};
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::runtime::{Opening, QUEUE};
use crate::store::{self, ChatRow, Write};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc};

type Place = Arc<OnceCell<Arc<Chat>>>;

/// At most so many events of the last turn are read at once when a chat is loaded.
const PIECE: (usize, usize) = (4096, 4 << 20);
/// How long a new session may take, the wait for another's place and the start of the runtime included.
const CREATE_TIME: Duration = Duration::from_secs(100);
/// The timeout for a chat's runtime at shutdown.
const STOP_TIME: Duration = Duration::from_secs(2);

/// The parameters of a new chat.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewChat {
    pub(crate) title: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) idle_timeout_ms: Option<u64>,
}

/// The chats.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) shared: Arc<Shared>,
    places: Mutex<HashMap<String, Place>>,
    creating: Creating,
}

impl Registry {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, places: Mutex::default(), creating: Creating::default() }
    }

    /// The chat of this id, if `owner` may see it.
    pub(crate) async fn get(&self, id: &str, owner: &str) -> ApiResult<Arc<Chat>> {
        let chat = self.load(id).await?.filter(|chat| chat.owner() == owner);
        chat.ok_or_else(|| ApiError::chat_not_found(id))
    }

    fn place(&self, id: &str) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(id) {
            let failed = place.get().is_some_and(|chat| chat.relay.failed());
            if !failed {
                return place.clone();
            }
        }
        let place = Place::default();
        places.insert(id.to_owned(), place.clone());
        place
    }

    /// The chat with this id, whoever owns it.
    pub(crate) async fn load(&self, id: &str) -> ApiResult<Option<Arc<Chat>>> {
        if !id.starts_with("chat_") {
            return Ok(None);
        }
        loop {
            let place = self.place(id);
            let loaded = place
                .get_or_try_init(|| async {
                    let row = self.shared.store.chat(id.to_owned()).await?;
                    let row = row.ok_or_else(|| ApiError::chat_not_found(id))?;
                    self.read(row).await
                })
                .await;
            match loaded {
                Ok(chat) if self.keep(id, &place) => return Ok(Some(chat.clone())),
                // Meanwhile another took its place: a chat is in memory once.
                Ok(_) => {}
                Err(error) => {
                    self.leave(id, &place);
                    return if error.code() == "chat_not_found" { Ok(None) } else { Err(error) };
                }
            }
        }
    }

    /// Whether `place` is the one of this id. Where there is none (one who waited with us failed, and left), it is now.
    fn keep(&self, id: &str, place: &Place) -> bool {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::ptr_eq(places.entry(id.to_owned()).or_insert_with(|| place.clone()), place)
    }

    /// Removes `place`, if it is the one of this id.
    fn leave(&self, id: &str, place: &Place) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.get(id).is_some_and(|found| Arc::ptr_eq(found, place)) {
            places.remove(id);
        }
    }

    /// Derives the state from the log, from the last turn on. A turn that a crash left open is ended.
    async fn read(&self, row: ChatRow) -> ApiResult<Arc<Chat>> {
        let store = &self.shared.store;
        let (_, head) = store.bounds(row.key).await?;
        let children = store.children(row.key).await?;
        let last = store.turn_at(row.key, head).await?;
        let (key, ended) = (row.key, row.ended_ms.is_some());
        let chat = Chat::new(self.shared.clone(), row, children, head);
        let open = last.as_ref().filter(|turn| turn.end_seq.is_none() && !ended);
        let mut cursor = match &last {
            Some(turn) => chat.read_from(turn.cursor).await?,
            None => head,
        };
        while cursor < head {
            let piece = store.events(key, cursor, PIECE.0, PIECE.1).await?;
            let Some((seq, _)) = piece.last() else { break };
            cursor = *seq;
            chat.recall(&piece, open);
        }
        if chat.open_turn().is_some()
            && let Some(safe) = chat.close_as_lost("The server was stopped while the turn ran.", Vec::new())
        {
            // If it cannot be written (a full disk), the chat can still be read, and the next load tries again.
            let _ = safe.await;
        }
        Ok(chat)
    }

    /// Creates a chat and wakes it, or returns the one that its idempotency key created before.
    pub(crate) async fn create(
        self: &Arc<Self>,
        owner: String,
        new: NewChat,
        key: Option<Idempotency>,
    ) -> ApiResult<Arc<Chat>> {
        let registry = self.clone();
        let created = tokio::spawn(async move {
            let place = match &key {
                Some(key) => Some(registry.creating.place(&key.scope, &key.key)?),
                None => None,
            };
            let _one_at_a_time = match &place {
                Some(place) => place.turn().await,
                None => None,
            };
            if let Some(key) = &key
                && let Some(id) = key.recall(&*registry.shared.store).await?
            {
                return registry.load(&id).await?.ok_or_else(|| ApiError::chat_not_found(&id));
            }
            registry.create_here(owner, new, key).await
        });
        created.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }

    async fn create_here(&self, owner: String, new: NewChat, key: Option<Idempotency>) -> ApiResult<Arc<Chat>> {
        let shared = &self.shared;
        shared.data.present()?;
        shared.runtime.ready()?;
        let id = ids::chat_id();
        let directory = shared.workspace(&id);
        tokio::fs::create_dir_all(&directory).await.map_err(|error| ApiError::of_file(&error))?;
        let (sink, upstream) = mpsc::channel(QUEUE);
        // Always set a title, because without one the runtime would request one from a model.
        let title = Some(new.title.clone().unwrap_or_else(|| id.clone()));
        let opening = Opening { directory: directory.clone(), session_id: None, title, owner: owner.clone() };
        let opened = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => Err(super::going_down().into()),
            opened = tokio::time::timeout(CREATE_TIME, shared.runtime.open(opening, sink)) => match opened {
                Ok(opened) => opened.map_err(ApiError::from),
                Err(_) => Err(ApiError::unavailable("The runtime did not come up in time; try again.")),
            },
        };
        let session = match opened {
            Ok(session) => session,
            Err(error) => {
                let _ = tokio::fs::remove_dir_all(&directory).await;
                return Err(error);
            }
        };
        let row = ChatRow {
            key: 0,
            id: id.clone(),
            owner,
            provider: shared.runtime.name().to_owned(),
            title: new.title,
            model: new.model,
            instructions: new.instructions,
            session_id: session.id().to_owned(),
            idle_timeout_ms: new
                .idle_timeout_ms
                .unwrap_or_else(|| u64::try_from(shared.limits.idle_timeout.as_millis()).unwrap_or(u64::MAX)),
            created_ms: ids::now_ms(),
            ended_ms: None,
            runtime_ms: 0,
            cost_micros: 0,
        };
        let mut writes = vec![Write::CreateChat(Box::new(row))];
        writes.extend(key.map(|key| key.row(&id)));
        if let Err(error) = store::write(&*shared.store, writes).await {
            // Nobody would ever find them again.
            let _ = session.delete().await;
            let _ = tokio::fs::remove_dir_all(&directory).await;
            return Err(error.into());
        }
        let chat =
            self.load(&id).await?.ok_or_else(|| ApiError::internal(&"a chat that was just stored is not there"))?;
        chat.adopt(session, upstream).await;
        Ok(chat)
    }

    /// Ends the turns that a crash left open.
    pub(crate) async fn recover(&self) -> ApiResult<()> {
        for id in self.shared.store.open_turns().await? {
            self.load(&id).await?;
        }
        Ok(())
    }

    /// The chat of this id, if it is in memory.
    pub(crate) fn in_memory(&self, id: &str) -> Option<Arc<Chat>> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(id)?.get().cloned()
    }

    /// The chats in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Chat>> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values().filter_map(|place| place.get().cloned()).collect()
    }

    /// Puts chats to sleep after their idle timeout, and drops those without users.
    pub(crate) async fn tidy(&self) {
        for chat in self.all() {
            let idle = {
                let state = chat.state();
                state.open.is_none() && state.used.elapsed() >= Duration::from_millis(chat.row.idle_timeout_ms)
            };
            if idle && chat.is_awake() {
                chat.sleep().await;
            }
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // An awake chat is also referenced by the task that records its events, so a chat with no other reference is asleep and
        // unused.
        places.retain(|_, place| {
            Arc::strong_count(place) > 1 || place.get().is_some_and(|chat| Arc::strong_count(chat) > 1)
        });
    }

    /// Puts the chat to sleep that was not used for longest and does nothing. `false`: all are at work.
    pub(crate) async fn make_room(&self) -> bool {
        let mut idle: Vec<_> = self.all();
        idle.retain(|chat| chat.state().open.is_none());
        idle.sort_by_key(|chat| chat.state().used);
        for chat in idle {
            if chat.sleep_if_quiet().await {
                return true;
            }
        }
        false
    }

    /// At shutdown: ends running turns and releases sessions.
    pub(crate) async fn shutdown(&self) {
        self.shared.stopping.cancel();
        let chats = self.all();
        futures_util::future::join_all(chats.iter().map(|chat| chat.stop_for_now())).await;
    }
}

impl Chat {
    /// Shuts the chat down.
    async fn stop_for_now(&self) {
        // A concurrent wake gives up by itself; a concurrent end may take longer than the shutdown allows.
        let live = tokio::time::timeout(STOP_TIME, self.live.lock()).await.ok().and_then(|mut place| place.take());
        let (accrued, open) = {
            let mut state = self.state();
            (self.fall_asleep(&mut state, "stopped"), state.open.is_some())
        };
        let safe = if open {
            self.close_as_lost("The server was stopped while the turn ran.", accrued)
        } else {
            self.record([], accrued, None)
        };
        if let Some(safe) = safe {
            let _ = safe.await;
        }
        // Readers are woken before their streams end.
        self.relay.wake_readers();
        // Only now that the turn is closed: what the runtime says of the abort would end it as cancelled. What it was
        // doing it need not finish; the runtime is stopped anyway.
        if let Some(live) = live.filter(|_| open) {
            let _ = tokio::time::timeout(Duration::from_secs(1), live.session.abort()).await;
        }
    }
}
