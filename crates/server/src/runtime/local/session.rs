//! A chat's `OpenCode` session. Every call names the chat's folder: questions and permissions are found only under it.

use super::events;
use super::isolated::{Isolated, OwnProcess};
use super::process::{InUse, Process};
use crate::runtime::{
    OpenRequest, Opening, PermissionReply, Prompt, RequestKind, RuntimeError, RuntimeFault, RuntimeResult, Session,
    Sink,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Of a turn that is read again so many messages are looked at.
const MESSAGES: usize = 200;

/// A chat's `OpenCode` session.
#[derive(Debug)]
pub(super) struct LocalSession {
    process: InUse,
    /// Set if the process belongs to this chat alone.
    own: Option<Arc<OwnProcess>>,
    directory: PathBuf,
    id: String,
    reader: AbortHandle,
}

impl Drop for LocalSession {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The characters that are not encoded in a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_');

/// Encodes an id from a caller as one segment of a path.
fn in_path(id: &str) -> String {
    utf8_percent_encode(id, PLAIN).to_string()
}

impl LocalSession {
    /// One in a process of its own.
    pub(super) async fn open_isolated(isolated: &Arc<Isolated>, opening: Opening, sink: Sink) -> RuntimeResult<Self> {
        let own = isolated.own(&opening).await?;
        let opened = async {
            let process = own.process().await?;
            Self::open(process, Some(own.clone()), opening, sink).await
        };
        let opened = opened.await;
        match &opened {
            Ok(_) => own.keep(),
            Err(_) => own.end(false).await,
        }
        opened
    }

    pub(super) async fn open(
        process: InUse,
        own: Option<Arc<OwnProcess>>,
        opening: Opening,
        sink: Sink,
    ) -> RuntimeResult<Self> {
        let directory = opening.directory;
        make_repository(&directory).await;
        let (tell, connected) = oneshot::channel();
        // Connect before any request, so that no event is missed.
        let reader = tokio::spawn(events::read(process.clone(), directory.clone(), sink, tell)).abort_handle();
        let gone = || RuntimeError::unavailable("OpenCode does not tell its events; try again.");
        let mut session = Self { process, own, directory, id: String::new(), reader };
        connected.await.unwrap_or_else(|_| Err(gone()))?;
        session.id = match opening.session_id {
            Some(id) => {
                session.process.api.get(&format!("/session/{}", in_path(&id)), &session.directory).await?;
                id
            }
            None => session.create(opening.title).await?,
        };
        Ok(session)
    }

    async fn create(&self, title: Option<String>) -> RuntimeResult<String> {
        let body = json!({ "title": title });
        let made = self.process.api.post("/session", &self.directory, Some(&body)).await?;
        let id = made.as_ref().and_then(|made| made["id"].as_str());
        id.map(str::to_owned).ok_or_else(|| RuntimeError::unavailable("OpenCode made no session; try again."))
    }

    async fn call(&self, path: &str, body: Option<&Value>) -> RuntimeResult<Option<Value>> {
        self.process.api.post(path, &self.directory, body).await
    }

    /// The sessions that are at work: the chat's own and those of its subagents, as the folder is this chat's alone.
    async fn at_work(&self) -> RuntimeResult<Vec<String>> {
        // Idle sessions are not in it.
        let status = self.process.api.get("/session/status", &self.directory).await?;
        let sessions = status.as_object().into_iter().flatten();
        Ok(sessions.filter(|(_, status)| status["type"] != "idle").map(|(id, _)| id.clone()).collect())
    }

    fn path(&self, what: &str) -> String {
        format!("/session/{}{what}", in_path(&self.id))
    }
}

/// A folder inside somebody's repository would be taken for a part of it; and only in a repository does `OpenCode` tell which files a
/// step changed. Without git it goes without both.
async fn make_repository(directory: &Path) {
    if directory.join(".git").exists() {
        return;
    }
    let mut git = tokio::process::Command::new("git");
    git.args(["init", "--quiet"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Err(error) = git.status().await {
        tracing::debug!(%error, "there is no git");
    }
}

/// Deletes a session in `OpenCode`.
pub(super) async fn delete(process: &Process, directory: &Path, id: &str) -> RuntimeResult<()> {
    process.api.delete(&format!("/session/{}", in_path(id)), directory).await
}

fn gone() -> RuntimeError {
    RuntimeError::new(RuntimeFault::SessionGone, "OpenCode no longer knows this chat's session; create a new chat.")
}

impl Session for LocalSession {
    fn id(&self) -> &str {
        &self.id
    }

    fn prompt(&self, prompt: Prompt) -> BoxFuture<'_, RuntimeResult<()>> {
        async move {
            let mut body = json!({ "messageID": prompt.message_id, "parts": prompt.parts });
            if let Some((provider, model)) = prompt.model.as_deref().and_then(|model| model.split_once('/')) {
                body["model"] = json!({ "providerID": provider, "modelID": model });
            }
            for (name, value) in [("agent", prompt.agent), ("system", prompt.system)] {
                if let Some(value) = value {
                    body[name] = json!(value);
                }
            }
            if let Some(format) = prompt.format {
                // A bare schema is meant as one.
                let whole = matches!(format["type"].as_str(), Some("json_schema" | "text"));
                body["format"] = if whole { format } else { json!({ "type": "json_schema", "schema": format }) };
            }
            self.call(&self.path("/prompt_async"), Some(&body)).await?.map(drop).ok_or_else(gone)
        }
        .boxed()
    }

    fn abort(&self) -> BoxFuture<'_, RuntimeResult<()>> {
        async {
            let stopped = self.call(&self.path("/abort"), None).await.map(drop);
            // A background subagent is not stopped together with its parent.
            for id in self.at_work().await.unwrap_or_default().into_iter().filter(|id| *id != self.id) {
                self.call(&format!("/session/{}/abort", in_path(&id)), None).await?;
            }
            stopped
        }
        .boxed()
    }

    fn open_requests(&self) -> BoxFuture<'_, RuntimeResult<Vec<OpenRequest>>> {
        async {
            let mut open = Vec::new();
            // The folder is this chat's alone: all that is open in it is the chat's or its subagents'.
            for kind in [RequestKind::Question, RequestKind::Permission] {
                let list = self.process.api.get(&format!("/{}", kind.as_str()), &self.directory).await?;
                let Value::Array(list) = list else { continue };
                open.extend(list.into_iter().map(|request| OpenRequest { kind, request }));
            }
            Ok(open)
        }
        .boxed()
    }

    fn reject_all(&self) -> BoxFuture<'_, RuntimeResult<()>> {
        async {
            for OpenRequest { kind, request } in self.open_requests().await? {
                let Some(id) = request["id"].as_str().map(in_path) else { continue };
                match kind {
                    RequestKind::Question => self.call(&format!("/question/{id}/reject"), None).await?,
                    RequestKind::Permission => {
                        self.call(&format!("/permission/{id}/reply"), Some(&json!({ "reply": "reject" }))).await?
                    }
                };
            }
            Ok(())
        }
        .boxed()
    }

    fn reply_to_question(&self, request_id: String, answers: Vec<Vec<String>>) -> BoxFuture<'_, RuntimeResult<bool>> {
        async move {
            let path = format!("/question/{}/reply", in_path(&request_id));
            Ok(self.call(&path, Some(&json!({ "answers": answers }))).await?.is_some())
        }
        .boxed()
    }

    fn reject_question(&self, request_id: String) -> BoxFuture<'_, RuntimeResult<bool>> {
        async move { Ok(self.call(&format!("/question/{}/reject", in_path(&request_id)), None).await?.is_some()) }
            .boxed()
    }

    fn reply_to_permission(&self, request_id: String, reply: PermissionReply) -> BoxFuture<'_, RuntimeResult<bool>> {
        async move {
            let mut body = json!({ "reply": reply.reply });
            if let Some(message) = reply.message {
                body["message"] = json!(message);
            }
            Ok(self.call(&format!("/permission/{}/reply", in_path(&request_id)), Some(&body)).await?.is_some())
        }
        .boxed()
    }

    fn messages(&self) -> BoxFuture<'_, RuntimeResult<Vec<Value>>> {
        async {
            let path = self.path(&format!("/message?limit={MESSAGES}"));
            match self.process.api.get(&path, &self.directory).await? {
                Value::Array(messages) => Ok(messages),
                _ => Err(RuntimeError::unavailable("OpenCode's messages cannot be read.")),
            }
        }
        .boxed()
    }

    fn busy(&self) -> BoxFuture<'_, RuntimeResult<bool>> {
        async { Ok(!self.at_work().await?.is_empty()) }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            self.reader.abort();
            if let Some(own) = &self.own {
                return own.end(false).await;
            }
            // Otherwise `OpenCode` would keep its state of the folder forever.
            if let Err(error) = self.call("/instance/dispose", None).await {
                tracing::debug!(%error, "OpenCode did not let go of a folder");
            }
        }
        .boxed()
    }

    fn delete(&self) -> BoxFuture<'_, RuntimeResult<()>> {
        async {
            if let Some(own) = &self.own {
                self.reader.abort();
                own.end(true).await;
                return Ok(());
            }
            delete(&self.process, &self.directory, &self.id).await?;
            self.close().await;
            Ok(())
        }
        .boxed()
    }
}
