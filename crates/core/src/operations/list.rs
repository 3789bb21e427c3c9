//! List the chats (our server).

use super::{Chat, Chats};
use crate::error::Result;
use crate::http::{Call, Request};
use crate::lax;
use futures_core::stream::BoxStream;
use futures_util::stream;
use reqwest::Method;
use serde::{Deserialize, Serialize};

/// One page of a list. While `next_cursor` is there, more follows: pass it as the next call's cursor.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ListChats {
    /// At most so many on a page.
    pub limit: Option<u32>,
    /// Where the page begins: the former page's `next_cursor`.
    pub cursor: Option<String>,
    /// Only those of this status: `active`, `idle` or `ended`.
    pub status: Option<String>,
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
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }
}

/// All items of a list, page after page; each page is asked for when the former one has been read.
pub(super) fn all<T: Send + 'static>(
    cursor: Option<String>,
    page: impl Fn(Option<String>) -> Call<Page<T>> + Send + 'static,
) -> BoxStream<'static, Result<T>>
where
    Page<T>: 'static,
{
    let begin = (page, Some(cursor), Vec::new().into_iter());
    Box::pin(stream::try_unfold(begin, |(page, mut next, mut items)| async move {
        loop {
            if let Some(item) = items.next() {
                return Ok(Some((item, (page, next, items))));
            }
            let Some(cursor) = next.take() else { return Ok(None) };
            let read = page(cursor).await?;
            next = read.next_cursor.map(Some);
            items = read.data.into_iter();
        }
    }))
}

impl Chats {
    /// All chats, newest first, over all pages.
    pub fn list_all(&self, which: ListChats) -> BoxStream<'static, Result<Chat>> {
        let chats = self.clone();
        all(which.cursor.clone(), move |cursor| chats.list(ListChats { cursor, ..which.clone() }))
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
