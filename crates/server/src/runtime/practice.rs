//! The practice runtime: scripted turns with no model and no key.

use super::{
    Crowded, OpenRequest, Opening, PermissionReply, Prompt, RequestKind, Runtime, RuntimeError, RuntimeFault,
    RuntimeResult, Session, Sink, Upstream,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use turnwire_practice::{Agent, AgentError};

type Sinks = Arc<Mutex<Known>>;

/// Who hears what.
#[derive(Debug, Default)]
struct Known {
    sinks: HashMap<String, Sink>,
    /// The first event of a session comes before its id is known to whoever makes it.
    unclaimed: HashMap<String, Bytes>,
}

/// So many sessions may be in the making at once.
const UNCLAIMED: usize = 256;

/// One agent for all chats, its events handed to each.
#[derive(Debug)]
pub(crate) struct Practice {
    agent: Agent,
    sinks: Sinks,
}

impl Practice {
    pub(crate) fn new() -> Self {
        let (agent, events) = Agent::new();
        let sinks = Sinks::default();
        tokio::spawn(deliver(events, sinks.clone()));
        Self { agent, sinks }
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(rename = "sessionID", borrow)]
    session_id: Option<Cow<'a, str>>,
}

/// Hands each event to its chat. A chat that does not take its events in makes all wait: the practice runtime is one agent.
async fn deliver(mut events: mpsc::Receiver<Bytes>, sinks: Sinks) {
    while let Some(event) = events.recv().await {
        let Ok(head) = serde_json::from_slice::<Head<'_>>(&event) else { continue };
        let Some(session) = head.properties.session_id else { continue };
        let sink = {
            let mut known = sinks.lock().unwrap_or_else(PoisonError::into_inner);
            let sink = known.sinks.get(&*session).cloned();
            if sink.is_none() && head.event_type == "session.created" && known.unclaimed.len() < UNCLAIMED {
                known.unclaimed.insert(session.into_owned(), event.clone());
            }
            sink
        };
        if let Some(sink) = sink {
            // A chat that was closed hears nothing.
            let _ = sink.send(Upstream::Event(event)).await;
        }
    }
}

impl Runtime for Practice {
    fn name(&self) -> &'static str {
        "practice"
    }

    fn ready(&self) -> RuntimeResult<()> {
        Ok(())
    }

    fn open(&self, opening: Opening, sink: Sink) -> BoxFuture<'_, RuntimeResult<Arc<dyn Session>>> {
        async move {
            let id = match opening.session_id {
                Some(id) => {
                    self.agent.open_session(&id, &opening.directory);
                    id
                }
                None => self.agent.create_session(&opening.directory, opening.title.as_deref()).await,
            };
            let mut known = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(first) = known.unclaimed.remove(&id) {
                // The queue of a new chat is empty.
                let _ = sink.try_send(Upstream::Event(first));
            }
            known.sinks.insert(id.clone(), sink);
            drop(known);
            let session = PracticeSession { agent: self.agent.clone(), id, sinks: self.sinks.clone() };
            Ok(Arc::new(session) as Arc<dyn Session>)
        }
        .boxed()
    }

    fn forget(&self, _: PathBuf, _: String) -> BoxFuture<'_, RuntimeResult<()>> {
        // What is not open is nowhere.
        ready(Ok(())).boxed()
    }

    fn crowded(&self) -> BoxFuture<'_, Crowded> {
        std::future::pending().boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        let sinks: Vec<_> = self.sinks.lock().unwrap_or_else(PoisonError::into_inner).sinks.drain().collect();
        async move {
            for (session, sink) in sinks {
                self.agent.abort(&session);
                let _ = sink.try_send(Upstream::Lost("The server was shut down.".to_owned()));
            }
        }
        .boxed()
    }
}

#[derive(Debug)]
struct PracticeSession {
    agent: Agent,
    id: String,
    sinks: Sinks,
}

impl Drop for PracticeSession {
    fn drop(&mut self) {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).sinks.remove(&self.id);
    }
}

impl Session for PracticeSession {
    fn id(&self) -> &str {
        &self.id
    }

    fn prompt(&self, prompt: Prompt) -> BoxFuture<'_, RuntimeResult<()>> {
        let taken = self.agent.prompt(turnwire_practice::Prompt {
            session_id: self.id.clone(),
            message_id: prompt.message_id,
            parts: prompt.parts,
            model: prompt.model,
            agent: prompt.agent,
        });
        ready(taken.map_err(|error| {
            let kind = match error {
                AgentError::UnknownSession => RuntimeFault::SessionGone,
                _ => RuntimeFault::Refused,
            };
            RuntimeError::new(kind, format!("The practice agent did not take the prompt: {error}."))
        }))
        .boxed()
    }

    fn abort(&self) -> BoxFuture<'_, RuntimeResult<()>> {
        self.agent.abort(&self.id);
        ready(Ok(())).boxed()
    }

    fn open_requests(&self) -> BoxFuture<'_, RuntimeResult<Vec<OpenRequest>>> {
        let questions = self.agent.questions(&self.id).into_iter();
        let open = questions.map(|request| OpenRequest { kind: RequestKind::Question, request });
        ready(Ok(open.collect())).boxed()
    }

    fn reject_all(&self) -> BoxFuture<'_, RuntimeResult<()>> {
        for question in self.agent.questions(&self.id) {
            if let Some(id) = question["id"].as_str() {
                self.agent.reject_question(id);
            }
        }
        ready(Ok(())).boxed()
    }

    fn reply_to_question(&self, request_id: String, answers: Vec<Vec<String>>) -> BoxFuture<'_, RuntimeResult<bool>> {
        ready(Ok(self.agent.reply_to_question(&request_id, answers))).boxed()
    }

    fn reject_question(&self, request_id: String) -> BoxFuture<'_, RuntimeResult<bool>> {
        ready(Ok(self.agent.reject_question(&request_id))).boxed()
    }

    fn reply_to_permission(&self, _: String, _: PermissionReply) -> BoxFuture<'_, RuntimeResult<bool>> {
        // The practice agent never asks for one.
        ready(Ok(false)).boxed()
    }

    fn messages(&self) -> BoxFuture<'_, RuntimeResult<Vec<Value>>> {
        ready(Ok(self.agent.messages(&self.id))).boxed()
    }

    fn busy(&self) -> BoxFuture<'_, RuntimeResult<bool>> {
        ready(Ok(self.agent.is_busy(&self.id))).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

    fn delete(&self) -> BoxFuture<'_, RuntimeResult<()>> {
        async {
            self.agent.delete_session(&self.id).await;
            Ok(())
        }
        .boxed()
    }
}
