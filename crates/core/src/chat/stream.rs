//! Follow a chat's relay: the runtime's own events, as they came.

use crate::error::Result;
use crate::http::{Client, RequestOptions, Secret, call_options};
use crate::id::ChatId;
use crate::operations::Chats;
use crate::stream::{RelayCursor, RelayStream};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

/// A relay that is not open yet. Await it for its [`RelayStream`].
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::RelayCursor;
///
/// let mut relay = client.chat().stream("chat_1", RelayCursor::START).await?;
/// while let Some(item) = relay.try_next().await? {
///     print!("{}", item.to_frame());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a relay is opened when it is awaited"]
#[derive(Clone)]
pub struct OpenRelay {
    client: Client,
    chat_id: ChatId,
    cursor: RelayCursor,
    token: Option<Secret>,
    options: RequestOptions,
}

impl Chats {
    /// Follows the chat's relay from `cursor` on, for as long as it is iterated; broken connections are taken up again.
    pub fn stream(&self, id: impl Into<ChatId>, cursor: impl Into<RelayCursor>) -> OpenRelay {
        OpenRelay {
            client: self.client.clone(),
            chat_id: id.into(),
            cursor: cursor.into(),
            token: None,
            options: RequestOptions::default(),
        }
    }
}

impl OpenRelay {
    call_options!();

    /// A stream token instead of the client's key.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }
}

impl IntoFuture for OpenRelay {
    type Output = Result<RelayStream>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<RelayStream>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, chat_id, cursor, token, options } = self;
        Box::pin(RelayStream::open(client, chat_id, cursor, token, options))
    }
}

impl fmt::Debug for OpenRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenRelay")
            .field("chat_id", &self.chat_id)
            .field("cursor", &self.cursor)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
