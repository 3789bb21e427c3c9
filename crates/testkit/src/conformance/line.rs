//! The lines between the kit and the client under test; `docs/conformance.md` explains them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The first line of a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Hello {
    /// What the client is called.
    pub client: String,
    /// What it can do.
    pub features: Vec<String>,
}

/// What the client is to do.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The name of the case, for people.
    pub case: String,
    /// The operation.
    pub operation: String,
    /// The address of the service.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base_url: String,
    /// The key for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_key: String,
    /// The chat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chat_id: String,
    /// The text of the prompt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// What the waits between attempts are multiplied with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_scale: Option<f64>,
    /// A `retrieve` goes first.
    #[serde(skip_serializing_if = "is_false")]
    pub acquainted: bool,
    /// `auto`, `relay` or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// `error`, `wait` or `cancel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_conflict: Option<String>,
    /// The file of a CA that the client is to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<PathBuf>,
    /// The URL of a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The largest event that the client takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_event_bytes: Option<usize>,
    /// `timeout`, `maxRetries`, `headers`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Each open request is answered.
    #[serde(skip_serializing_if = "is_false")]
    pub answer: bool,
    /// The turn is cancelled after so many events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_after: Option<usize>,
    /// The stream is left after so many events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_after: Option<usize>,
    /// Where a turn is resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// The number of the relay's event with which reading ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The events to fold, each as JSON.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The bytes of an event stream, in the pieces in which they arrive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<Vec<u8>>,
    /// The recordings that make one log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
}

/// Where a turn is resumed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// The chat.
    pub chat_id: String,
    /// The turn.
    pub turn_id: String,
    /// The last event that was delivered.
    pub seq: u64,
}

/// What a client answers with. The last two end an answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// An event of a turn, as the client delivers it to its caller.
    Event(Value),
    /// The number of an event of the relay.
    RelayEvent(u64),
    /// `gap N` or `reset N`, of the relay.
    Notice(String),
    /// What the operation gave.
    Result(Value),
    /// How it failed.
    Error(Failure),
}

/// An error as the client's caller sees it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Failure {
    /// A code of `docs/errors.md`, or the service's own.
    pub code: String,
    /// The HTTP status, where the service answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The sentence for people.
    pub message: String,
    /// The class of `docs/errors.md`, where the client has these classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The turn so far, of an error that ended a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<Value>,
    /// All ways in which the error can be printed: none may show the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
