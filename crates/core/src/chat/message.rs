//! Say something and wait for the ended turn.

use super::respond::{OnConflict, Respond};
use crate::error::Result;
use crate::event::{Permission, Question};
use crate::http::{Call, Request, RequestOptions};
use crate::id::ChatId;
use crate::operations::{Answers, Chats, PermissionReply, Prompt};
use crate::stream::{Resume, StreamState};
use crate::turn::Turn;
use ::http::Method;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

/// A turn that is waited for. Await it for the ended [`Turn`].
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let turn = client.chat().send_message("chat_1", "What changed?").on_question(|_| async { Ok(None) }).await?;
/// println!("{}", turn.text());
/// # Ok(())
/// # }
/// ```
#[must_use = "a message is sent when it is awaited"]
pub struct SendMessage {
    respond: Respond,
}

impl Chats {
    /// Says something and waits for the turn to end: [`Chats::respond`], folded, so it survives what a stream survives.
    ///
    /// One that fails here, or is dropped, cancels the turn it started, so that the chat is free for the next one; see
    /// [`SendMessage::cancel_on_close`].
    ///
    /// # Errors
    /// [`ErrorKind::TurnFailed`](crate::ErrorKind::TurnFailed) for a turn that ends as `failed` or `interrupted`,
    /// [`ErrorKind::InputRequired`](crate::ErrorKind::InputRequired) where the agent asks and no handler is set.
    pub fn send_message(&self, id: impl Into<ChatId>, prompt: impl Into<Prompt>) -> SendMessage {
        SendMessage { respond: self.respond(id, prompt).cancel_on_close(true) }
    }
}

impl SendMessage {
    /// `provider/model`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.respond = self.respond.model(model);
        self
    }

    /// What to do where another turn runs. Default: [`OnConflict::Error`].
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.respond = self.respond.on_conflict(on_conflict);
        self
    }

    /// Whether the turn is cancelled on the service when this fails or is dropped before the turn's end. Default: yes.
    pub fn cancel_on_close(mut self, cancel: bool) -> Self {
        self.respond = self.respond.cancel_on_close(cancel);
        self
    }

    /// How the turn resumes when its connection breaks.
    pub fn resume(mut self, resume: Resume) -> Self {
        self.respond = self.respond.resume(resume);
        self
    }

    /// Called when the connection breaks and when it has been resumed. It must not block.
    pub fn on_state(self, callback: impl Fn(&StreamState) + Send + Sync + 'static) -> Self {
        self.edit(|respond| respond.on_state(callback))
    }

    /// Answers the agent's questions; `None` refuses one.
    pub fn on_question<F, R>(mut self, answer: F) -> Self
    where
        F: Fn(Question) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Answers>>> + Send + 'static,
    {
        self.respond = self.respond.on_question(answer);
        self
    }

    /// Answers the agent's requests for permission.
    pub fn on_permission<F, R>(mut self, answer: F) -> Self
    where
        F: Fn(Permission) -> R + Send + Sync + 'static,
        R: Future<Output = Result<PermissionReply>> + Send + 'static,
    {
        self.respond = self.respond.on_permission(answer);
        self
    }

    /// While the agent asks a question, waits for somebody else to answer it.
    pub fn wait_for_questions(mut self) -> Self {
        self.respond = self.respond.wait_for_questions();
        self
    }

    /// While the agent requests a permission, waits for somebody else to grant or refuse it.
    pub fn wait_for_permissions(mut self) -> Self {
        self.respond = self.respond.wait_for_permissions();
        self
    }

    /// The service's own `message` operation, which answers once, when the turn has ended: there is no answer clock,
    /// and a connection that breaks loses the answer.
    pub fn raw_call(self) -> Call<Turn> {
        let Respond { client, chat_id, prompt, options, .. } = self.respond;
        let request = prompt
            .check()
            .and_then(|()| Request::new("message", Method::POST).creates().chat(&chat_id))
            .and_then(|request| request.word("message").json(&prompt));
        Call::json(&client, request).options(options).without_answer_clock()
    }

    fn edit(mut self, edit: impl FnOnce(Respond) -> Respond) -> Self {
        self.respond = edit(self.respond);
        self
    }

    /// The clocks of this call; one [`Duration`](std::time::Duration) is the answer and the idle clock, never the whole turn.
    pub fn timeout(self, timeout: impl Into<crate::http::Timeout>) -> Self {
        self.edit(|respond| respond.timeout(timeout))
    }

    /// How often the request is sent again at most, where that is safe.
    pub fn max_retries(self, retries: u32) -> Self {
        self.edit(|respond| respond.max_retries(retries))
    }

    /// The `Idempotency-Key`.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.edit(|respond| respond.idempotency_key(key))
    }

    /// A header of this call.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.edit(|respond| respond.header(name, value))
    }

    /// A query parameter of this call.
    pub fn query(self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.edit(|respond| respond.query(name, value))
    }

    /// Options of this call, over those set so far.
    pub fn options(self, options: RequestOptions) -> Self {
        self.edit(|respond| respond.options(options))
    }
}

impl IntoFuture for SendMessage {
    type Output = Result<Turn>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Turn>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut stream = self.respond.await?;
            let settled = stream.settle().await;
            if settled.is_err() {
                stream.abandon().await;
            }
            settled
        })
    }
}

impl fmt::Debug for SendMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessage").field("respond", &self.respond).finish_non_exhaustive()
    }
}
