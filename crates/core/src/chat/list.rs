//! List the chats (our server).

use super::{Chat, Chats};
use crate::http::{Call, Request};
use crate::json::nullable;
use reqwest::Method;
use serde::{Deserialize, Serialize};

/// One page of a list. While `next_cursor` is there, more follows: pass it as the next call's cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: serde::de::DeserializeOwned"))]
#[non_exhaustive]
pub struct Page<T> {
    /// The items.
    #[serde(default = "Vec::new", deserialize_with = "nullable")]
    pub data: Vec<T>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

impl Chats {
    /// A page of the chats, newest first.
    pub fn list(&self, which: ListChats) -> Call<Page<Chat>> {
        let request = Request::new("list", Method::GET)
            .query("limit", which.limit)
            .query("cursor", which.cursor)
            .query("status", which.status);
        Call::json(&self.client, Ok(request))
    }
}
