//! Say something and stream the turn.

use crate::error::Result;
use crate::event::{Permission, Question};
use crate::http::{Client, RequestOptions, call_options};
use crate::id::ChatId;
use crate::operations::{Answers, Chats, PermissionReply, Prompt};
use crate::stream::{Handler, Handlers, OnState, Resume, StreamState, TurnStream};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

/// What to do where another turn runs in the chat.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::OnConflict;
///
/// let stream = client.chat().respond("chat_1", "And the tests?").on_conflict(OnConflict::Wait).await?;
/// # let _ = stream;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OnConflict {
    /// Fail with [`ErrorKind::TurnConflict`](crate::ErrorKind::TurnConflict).
    #[default]
    Error,
    /// Wait for it to end, then go.
    Wait,
    /// Cancel it, then go.
    Cancel,
}

/// A turn that has not begun. Await it for its [`TurnStream`]; 401, 409 and their like are errors there.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::{OnConflict, PermissionReply};
///
/// let mut stream = client
///     .chat()
///     .respond("chat_1", "Tidy up.")
///     .on_conflict(OnConflict::Cancel)
///     .on_permission(|_| async { Ok(PermissionReply::Once) })
///     .cancel_on_close(true)
///     .await?;
/// let turn = stream.result().await?;
/// # let _ = turn;
/// # Ok(())
/// # }
/// ```
#[must_use = "a turn begins when it is awaited"]
#[derive(Clone)]
pub struct Respond {
    pub(super) client: Client,
    pub(super) chat_id: ChatId,
    pub(super) prompt: Prompt,
    pub(super) options: RequestOptions,
    pub(super) on_conflict: OnConflict,
    pub(super) cancel_on_close: bool,
    pub(super) resume: Resume,
    pub(super) handlers: Handlers,
    pub(super) on_state: Option<OnState>,
}

impl Chats {
    /// Says something in the chat and streams the turn that answers it.
    ///
    /// ```no_run
    /// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
    /// let mut stream = client.chat().respond("chat_1", "List the open points.").await?;
    /// while let Some(event) = stream.try_next().await? {
    ///     print!("{}", event.text_delta().unwrap_or_default());
    /// }
    /// let turn = stream.result().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn respond(&self, id: impl Into<ChatId>, prompt: impl Into<Prompt>) -> Respond {
        Respond {
            client: self.client.clone(),
            chat_id: id.into(),
            prompt: prompt.into(),
            options: RequestOptions::default(),
            on_conflict: OnConflict::default(),
            cancel_on_close: false,
            resume: Resume::default(),
            handlers: Handlers::default(),
            on_state: None,
        }
    }
}

impl Respond {
    call_options!();

    /// `provider/model`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.prompt.model = Some(model.into());
        self
    }

    /// How the turn resumes when its connection breaks. Default: [`Resume::Auto`].
    pub fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }

    /// Called when the connection breaks and when it has been resumed. It must not block.
    pub fn on_state(mut self, callback: impl Fn(&StreamState) + Send + Sync + 'static) -> Self {
        self.on_state = Some(Arc::new(callback));
        self
    }

    /// Answers the agent's questions while the stream is read; `None` refuses one.
    pub fn on_question<F, R>(mut self, answer: F) -> Self
    where
        F: Fn(Question) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Answers>>> + Send + 'static,
    {
        self.handlers.question = Handler::Ask(Arc::new(move |question| Box::pin(answer(question))));
        self
    }

    /// Answers the agent's requests for permission while the stream is read.
    pub fn on_permission<F, R>(mut self, answer: F) -> Self
    where
        F: Fn(Permission) -> R + Send + Sync + 'static,
        R: Future<Output = Result<PermissionReply>> + Send + 'static,
    {
        self.handlers.permission = Handler::Ask(Arc::new(move |permission| Box::pin(answer(permission))));
        self
    }

    /// While the agent asks a question, the result waits for somebody else to answer it.
    pub fn wait_for_questions(mut self) -> Self {
        self.handlers.question = Handler::Wait;
        self
    }

    /// While the agent requests a permission, the result waits for somebody else to grant or refuse it.
    pub fn wait_for_permissions(mut self) -> Self {
        self.handlers.permission = Handler::Wait;
        self
    }

    /// What to do where another turn runs. Default: [`OnConflict::Error`].
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Whether closing or dropping the stream before its end cancels the turn on the service too. Default: no.
    pub fn cancel_on_close(mut self, cancel: bool) -> Self {
        self.cancel_on_close = cancel;
        self
    }
}

impl IntoFuture for Respond {
    type Output = Result<TurnStream>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<TurnStream>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

impl fmt::Debug for Respond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Respond")
            .field("chat_id", &self.chat_id)
            .field("on_conflict", &self.on_conflict)
            .field("resume", &self.resume)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
