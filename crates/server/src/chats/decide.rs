//! The server's own decisions as events of the log, in `OpenCode`'s envelope, so that the log alone determines every turn.

use crate::ids;
use bytes::Bytes;
use serde_json::{Value, json};

/// A decision of the server about one chat.
#[derive(Debug)]
pub(super) enum Decision<'a> {
    /// A prompt was accepted; nothing was sent yet.
    Accepted {
        message_id: &'a str,
        parts: &'a [Value],
        model: Option<&'a str>,
    },
    /// The runtime's state changed.
    Runtime(&'static str),
    CancelRequested {
        message_id: &'a str,
    },
    /// The messages of the runtime, after events were missed.
    Snapshot {
        messages: Vec<Value>,
    },
    /// The server ends the turn: a cap, a settle after silence, a lost runtime.
    Closed {
        message_id: &'a str,
        status: &'static str,
        error: Option<(&'static str, &'a str)>,
    },
    ChatEnded,
}

impl Decision<'_> {
    /// The event, with an id and a time of its own.
    pub(super) fn event(self, session_id: &str) -> Bytes {
        let (event_type, mut properties) = match self {
            Self::Accepted { message_id, parts, model } => {
                let mut properties = json!({ "messageId": message_id, "userParts": parts });
                if let Some(model) = model {
                    properties["model"] = json!(model);
                }
                ("turnwire.turn.accepted", properties)
            }
            Self::Runtime(state) => ("turnwire.runtime", json!({ "state": state })),
            Self::CancelRequested { message_id } => ("turnwire.cancel.requested", json!({ "messageId": message_id })),
            Self::Snapshot { messages } => ("turnwire.snapshot", json!({ "messages": messages })),
            Self::Closed { message_id, status, error } => {
                let mut properties = json!({ "messageId": message_id, "status": status });
                if let Some((code, message)) = error {
                    let retryable = turnwire::error::lookup(code).is_some_and(|row| row.retryable);
                    properties["error"] = json!({ "code": code, "message": message, "retryable": retryable });
                }
                ("turnwire.turn.closed", properties)
            }
            Self::ChatEnded => ("turnwire.chat.ended", json!({})),
        };
        properties["sessionID"] = json!(session_id);
        properties["time"] = json!(ids::now_ms());
        event(event_type, &properties)
    }
}

/// An event in the runtime's format, with an id of its own.
pub(super) fn event(event_type: &str, properties: &Value) -> Bytes {
    Bytes::from(json!({ "id": ids::event_id(), "type": event_type, "properties": properties }).to_string())
}
