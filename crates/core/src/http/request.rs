//! A request before it is sent: the operation's parameters, without addresses, keys or clocks.

use super::Body;
use crate::error::{Error, Result};
use crate::id::{ChatId, RequestId, TurnId};
use ::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whether sending twice does what sending once does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Sending twice changes nothing.
    Idempotent,
    /// Sending twice may do it twice: create, respond, message.
    Creates,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The operation's name, for spans.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// What follows the prefix, percent-encoded, with its leading `/` where it is not empty.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    pub(crate) accept: &'static str,
    pub(crate) safety: Safety,
    /// A stream token instead of the client's key.
    pub(crate) token: Option<super::Secret>,
    /// Whether a redirect to another origin may be followed (bare, without key and headers).
    pub(crate) follow_elsewhere: bool,
}

impl Request {
    pub(crate) fn new(operation: &'static str, method: Method) -> Self {
        let safety = Safety::Idempotent;
        Self {
            operation,
            method,
            path: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            accept: "application/json",
            safety,
            token: None,
            follow_elsewhere: false,
        }
    }

    /// Appends the id of a chat.
    pub(crate) fn chat(self, id: impl Into<ChatId>) -> Result<Self> {
        self.id("chat id", id.into().as_str())
    }

    /// Appends the id of a turn.
    pub(crate) fn turn(self, id: impl Into<TurnId>) -> Result<Self> {
        self.id("turn id", id.into().as_str())
    }

    /// Appends the id of a question or a permission.
    pub(crate) fn request(self, id: impl Into<RequestId>) -> Result<Self> {
        self.id("request id", id.into().as_str())
    }

    /// Appends `/{id}`. `name` is what the error of an empty one calls it.
    pub(crate) fn id(mut self, name: &str, id: &str) -> Result<Self> {
        if id.trim().is_empty() {
            return Err(Error::new(
                "invalid_argument",
                format!("The {name} is empty; pass the id of an existing one."),
            ));
        }
        if id == "." || id == ".." {
            return Err(Error::new("invalid_argument", format!("{id:?} is no {name}.")));
        }
        self.path.push('/');
        self.path.extend(utf8_percent_encode(id, SEGMENT));
        Ok(self)
    }

    /// Appends a word of the route.
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.path.push('/');
        self.path.push_str(word);
        self
    }

    /// Sets the JSON body from anything that serializes to an object. It is written here, once, however often it is sent.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self> {
        self.body = match serde_json::to_vec(body) {
            Ok(json) if json.starts_with(b"{") => Body::Json(json.into()),
            _ => return Err(Error::new("invalid_argument", "The request's body is no JSON object.")),
        };
        Ok(self)
    }

    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.query.push((name, value.to_string()));
        }
        self
    }

    pub(crate) fn creates(mut self) -> Self {
        self.safety = Safety::Creates;
        self
    }

    pub(crate) fn event_stream(mut self) -> Self {
        self.accept = "text/event-stream";
        self
    }

    /// Whether it has a JSON body, or may have one, that fields can be added to.
    pub(crate) fn takes_fields(&self) -> bool {
        match self.body {
            Body::Json(_) => true,
            Body::None => self.method != Method::GET && self.method != Method::DELETE,
            Body::Bytes(_) | Body::Stream(_) => false,
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.accept == "text/event-stream"
    }
}
