//! An agent that plays the scripts for real, with no `OpenCode`: `/tool` does write its file, `/ask` does wait for its answer.
//!
//! It tells what it does as the raw events of `OpenCode` 1.18, in the order that one sends them, so that everything behind
//! it (log, normalizer, clients) works as on a real one.

mod answer;
mod event;
mod run;
mod session;
mod shell;
mod turn;

use bytes::Bytes;
use serde_json::{Value, json};
use session::{Session, Sessions};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many events may wait to be read. Then the turns wait.
const QUEUE: usize = 256;

/// Sessions, and the turns that run in them. Cheap to clone; with the last clone every turn stops.
#[derive(Clone)]
pub struct Agent {
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

/// What a turn is started with.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The session, `ses_…`.
    pub session_id: String,
    /// The id of the user's message, `msg_…`; empty: one is made.
    pub message_id: String,
    /// `{type:"text",text}` and `{type:"file",mime,filename?,url}`; an `id` `prt_…` is made where there is none.
    pub parts: Vec<Value>,
    /// `provider/model`; told as it is, the script stays the same. Default `practice/practice-1`.
    pub model: Option<String>,
    /// The agent's name; told as it is. Default `build`.
    pub agent: Option<String>,
}

/// Why a prompt was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentError {
    /// There is no such session.
    UnknownSession,
    /// A turn runs in this session; it must end first.
    Busy,
}

struct Shared {
    events: mpsc::Sender<Bytes>,
    /// Cancelled when the last [`Agent`] is gone.
    stop: CancellationToken,
    sessions: Mutex<Sessions>,
    questions: Mutex<HashMap<String, Asked>>,
}

/// A question that waits.
struct Asked {
    session_id: String,
    told: Value,
    reply: oneshot::Sender<Reply>,
}

enum Reply {
    Answers(Vec<Vec<String>>),
    Rejected,
}

impl Agent {
    /// An agent, and its events: one `OpenCode` event as JSON each. Turns wait while the queue is full, so keep reading,
    /// in another task than the one that calls this agent's async functions.
    pub fn new() -> (Self, mpsc::Receiver<Bytes>) {
        let (events, receiver) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let shared = Shared { events, stop: stop.clone(), sessions: Mutex::default(), questions: Mutex::default() };
        (Self { shared: Arc::new(shared), _stop: Arc::new(stop.drop_guard()) }, receiver)
    }

    /// Makes a session that works in `directory`; gives its id, `ses_…`. Without a title the first prompt gives one.
    pub async fn create_session(&self, directory: &Path, title: Option<&str>) -> String {
        let session = Session::new(crate::id::descending("ses"), directory, title);
        let (id, info) = (session.id.clone(), session.info());
        self.shared.sessions().insert(id.clone(), session);
        self.shared.tell("session.created", json!({ "sessionID": &id, "info": info })).await;
        id
    }

    /// Knows a session again after a restart. Tells nothing; what was said in it is forgotten.
    pub fn open_session(&self, id: &str, directory: &Path) {
        let mut sessions = self.shared.sessions();
        sessions.entry(id.to_owned()).or_insert_with(|| Session::new(id.to_owned(), directory, Some("Practice")));
    }

    /// Starts a turn and returns at once. Needs a tokio runtime.
    pub fn prompt(&self, prompt: Prompt) -> Result<(), AgentError> {
        self.shared.prompt(prompt)
    }

    /// Whether a turn runs in the session.
    pub fn is_busy(&self, session_id: &str) -> bool {
        self.shared.sessions().get(session_id).is_some_and(|session| session.running.is_some())
    }

    /// Stops the session's turn wherever it is; the events tell when it has stopped. `false`: none runs.
    pub fn abort(&self, session_id: &str) -> bool {
        match self.shared.sessions().get(session_id).and_then(|session| session.running.as_ref()) {
            Some(abort) => {
                abort.cancel();
                true
            }
            None => false,
        }
    }

    /// The open questions of a session: `{id,sessionID,questions,tool:{messageID,callID}}`.
    pub fn questions(&self, session_id: &str) -> Vec<Value> {
        let questions = self.shared.questions();
        questions.values().filter(|asked| asked.session_id == session_id).map(|asked| asked.told.clone()).collect()
    }

    /// Answers a question, one list of labels per question in it. `false`: it is not open.
    pub fn reply_to_question(&self, request_id: &str, answers: Vec<Vec<String>>) -> bool {
        self.reply(request_id, Reply::Answers(answers))
    }

    /// Refuses to answer, which ends the turn. `false`: it is not open.
    pub fn reject_question(&self, request_id: &str) -> bool {
        self.reply(request_id, Reply::Rejected)
    }

    fn reply(&self, request_id: &str, reply: Reply) -> bool {
        let asked = self.shared.questions().remove(request_id);
        asked.is_some_and(|asked| asked.reply.send(reply).is_ok())
    }

    /// What was said in a session, oldest first: `{info, parts}`. The last 200 messages.
    pub fn messages(&self, session_id: &str) -> Vec<Value> {
        self.shared.sessions().get(session_id).map(Session::messages).unwrap_or_default()
    }

    /// Stops the session's turn and forgets the session. `false`: there was none.
    pub async fn delete_session(&self, session_id: &str) -> bool {
        let Some(session) = self.shared.sessions().remove(session_id) else { return false };
        if let Some(running) = &session.running {
            running.cancel();
        }
        self.shared.tell("session.deleted", json!({ "sessionID": session_id, "info": session.info() })).await;
        true
    }
}

impl Shared {
    fn prompt(self: &Arc<Self>, prompt: Prompt) -> Result<(), AgentError> {
        let abort = self.stop.child_token();
        {
            let mut sessions = self.sessions();
            let session = sessions.get_mut(&prompt.session_id).ok_or(AgentError::UnknownSession)?;
            if session.running.is_some() {
                return Err(AgentError::Busy);
            }
            session.running = Some(abort.clone());
        }
        tokio::spawn(run::run(Arc::clone(self), prompt, abort));
        Ok(())
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // Nothing is left half done by a panic under this lock.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells an event; waits for room. Gives up when nobody reads any more or the agent is gone.
    async fn tell(&self, event_type: &str, properties: Value) {
        let event = json!({ "id": crate::id::ascending("evt"), "type": event_type, "properties": properties });
        tokio::select! {
            _ = self.events.send(Bytes::from(event.to_string())) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("sessions", &self.shared.sessions().len()).finish_non_exhaustive()
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownSession => "there is no such session",
            Self::Busy => "a turn runs in this session",
        })
    }
}

impl std::error::Error for AgentError {}
