//! List the chats (our server).

use super::{Chat, ChatStatus, Chats};
use crate::error::Result;
use crate::http::{Call, Request, RequestOptions, call_options};
use crate::lax;
use ::http::Method;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

/// One page of a list. While `next_cursor` is there, more follows: pass it as the next call's cursor.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::ListChats;
///
/// let first = client.chat().list(ListChats::new().limit(20)).await?;
/// if let Some(next) = first.next_cursor {
///     let second = client.chat().list(ListChats::new().limit(20).cursor(next)).await?;
///     println!("{} more", second.data.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: serde::de::DeserializeOwned"))]
#[non_exhaustive]
pub struct Page<T> {
    /// The items.
    #[serde(default = "Vec::new", deserialize_with = "lax::list")]
    pub data: Vec<T>,
    /// Where the next page begins.
    #[serde(default, alias = "next_cursor", deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which chats.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::ListChats;
/// use turnwire::chat::ChatStatus;
///
/// let page = client.chat().list(ListChats::new().status(ChatStatus::Active).limit(10)).await?;
/// println!("{} run", page.data.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ListChats {
    /// At most so many on a page.
    pub limit: Option<u32>,
    /// Where the page begins: the former page's `next_cursor`.
    pub cursor: Option<String>,
    /// Only those of this status.
    pub status: Option<ChatStatus>,
}

impl ListChats {
    /// All, the service's page size.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many on a page.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Where the page begins.
    #[must_use]
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// Only those of this status.
    #[must_use]
    pub fn status(mut self, status: impl Into<ChatStatus>) -> Self {
        self.status = Some(status.into());
        self
    }
}

/// All items of a list, page after page, as a [`Stream`]; each page is asked for when the former one has been read. Its
/// options are those of each request.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use futures_util::TryStreamExt as _;
/// use turnwire::ListChats;
///
/// let mut chats = client.chat().list_all(ListChats::new());
/// while let Some(chat) = chats.try_next().await? {
///     println!("{} {}", chat.id, chat.status);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a list is asked for when it is read"]
pub struct ListAll<T> {
    page: Box<dyn Fn(Option<String>) -> Call<Page<T>> + Send>,
    options: RequestOptions,
    at: At<T>,
    items: vec::IntoIter<T>,
}

/// Where a reader of all pages stands.
enum At<T> {
    /// Before the page that this cursor is of.
    Before(Option<String>),
    /// The page has been asked for.
    Asked(BoxFuture<'static, Result<Page<T>>>),
    /// There is no other page.
    End,
}

impl<T> ListAll<T> {
    pub(super) fn new(cursor: Option<String>, page: impl Fn(Option<String>) -> Call<Page<T>> + Send + 'static) -> Self {
        Self {
            page: Box::new(page),
            options: RequestOptions::default(),
            at: At::Before(cursor),
            items: Vec::new().into_iter(),
        }
    }

    call_options!();
}

impl<T: Unpin + 'static> Stream for ListAll<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match &mut self.at {
                At::Before(cursor) => {
                    let cursor = cursor.take();
                    let call = (self.page)(cursor).options(self.options.clone());
                    self.at = At::Asked(call.into_future());
                }
                At::Asked(asked) => {
                    let read = ready!(asked.as_mut().poll(cx));
                    self.at = At::End;
                    let page = read?;
                    if page.next_cursor.is_some() {
                        self.at = At::Before(page.next_cursor);
                    }
                    self.items = page.data.into_iter();
                }
                At::End => return Poll::Ready(None),
            }
        }
    }
}

impl<T> fmt::Debug for ListAll<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListAll").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Chats {
    /// All chats, newest first, over all pages.
    pub fn list_all(&self, which: ListChats) -> ListAll<Chat> {
        let chats = self.clone();
        ListAll::new(which.cursor.clone(), move |cursor| chats.list(ListChats { cursor, ..which.clone() }))
    }

    /// A page of the chats, newest first.
    pub fn list(&self, which: ListChats) -> Call<Page<Chat>> {
        let request = Request::new("list", Method::GET)
            .query("limit", which.limit)
            .query("cursor", which.cursor)
            .query("status", which.status);
        Call::json(&self.client, Ok(request))
    }
}
