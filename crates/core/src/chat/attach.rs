//! Stream a turn that is there already.

use crate::cursor::TurnCursor;
use crate::error::Result;
use crate::http::{Client, RequestOptions, call_options};
use crate::id::{ChatId, TurnId};
use crate::operations::Chats;
use crate::stream::TurnStream;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

/// A turn that is there already. Await it for its [`TurnStream`].
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut stream = client.chat().attach_turn("chat_1", "turn_1").await?;
/// println!("{}", stream.result().await?.text());
/// # Ok(())
/// # }
/// ```
#[must_use = "a turn is opened when it is awaited"]
#[derive(Clone)]
pub struct OpenTurn {
    client: Client,
    operation: &'static str,
    cursor: TurnCursor,
    options: RequestOptions,
}

/// The turn that runs in a chat. Await it for its [`TurnStream`]; `None`: nothing runs.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// if let Some(mut stream) = client.chat().attach("chat_1").await? {
///     println!("{}", stream.result().await?.text());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a turn is opened when it is awaited"]
#[derive(Clone)]
pub struct Attach {
    client: Client,
    chat_id: ChatId,
    options: RequestOptions,
}

impl Chats {
    /// Opens a turn again, in this process or another one, where [`TurnStream::cursor`] left it.
    ///
    /// ```no_run
    /// # async fn example(client: turnwire::Client, stored: String) -> turnwire::Result<()> {
    /// let cursor: turnwire::TurnCursor = stored.parse()?;
    /// let mut stream = client.chat().resume(cursor).max_retries(5).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(&self, cursor: impl Into<TurnCursor>) -> OpenTurn {
        self.open_turn("resume", cursor.into())
    }

    /// The turn that runs in the chat, from its first event (our server). `None`: nothing runs.
    pub fn attach(&self, id: impl Into<ChatId>) -> Attach {
        Attach { client: self.client.clone(), chat_id: id.into(), options: RequestOptions::default() }
    }

    /// This turn of the chat, from its first event, whether it runs or has ended (our server).
    pub fn attach_turn(&self, id: impl Into<ChatId>, turn_id: impl Into<TurnId>) -> OpenTurn {
        self.open_turn("attach", TurnCursor::new(id, turn_id, 0))
    }

    fn open_turn(&self, operation: &'static str, cursor: TurnCursor) -> OpenTurn {
        OpenTurn { client: self.client.clone(), operation, cursor, options: RequestOptions::default() }
    }
}

impl OpenTurn {
    call_options!();
}

impl Attach {
    call_options!();
}

impl IntoFuture for OpenTurn {
    type Output = Result<TurnStream>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<TurnStream>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, operation, cursor, options } = self;
        Box::pin(async move {
            options.check_for(operation)?;
            TurnStream::open_at(client, &cursor, options).await
        })
    }
}

impl IntoFuture for Attach {
    type Output = Result<Option<TurnStream>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Option<TurnStream>>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, chat_id, options } = self;
        Box::pin(async move {
            options.check_for("attach")?;
            let chats = client.chat();
            match chats.retrieve(&chat_id).options(options.clone()).await?.active_turn_id {
                Some(turn_id) => chats.attach_turn(chat_id, turn_id).options(options).await.map(Some),
                None => Ok(None),
            }
        })
    }
}

impl fmt::Debug for OpenTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTurn").field("cursor", &self.cursor).field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attach").field("chat_id", &self.chat_id).field("options", &self.options).finish_non_exhaustive()
    }
}
