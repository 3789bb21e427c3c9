//! Shapes that several routes answer with or take.

use crate::chats::{Chat, NewTurn};
use crate::error::{ApiError, ApiResult};
use crate::store::ChatRow;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use turnwire::{Timestamp, TurnId};

/// The most parts of one prompt: each becomes a row, an event and a place in the model's context.
const MOST_PARTS: usize = 256;

/// A chat as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatShape {
    id: String,
    status: &'static str,
    provider: String,
    runtime_state: &'static str,
    idle_timeout_ms: u64,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_turn_id: Option<TurnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_id: Option<u64>,
}

impl ChatShape {
    /// A chat in memory.
    pub(crate) fn of(chat: &Chat) -> Self {
        let about = chat.about();
        Self {
            id: chat.id().to_owned(),
            status: status(about.ended, chat.is_awake()),
            provider: about.provider,
            runtime_state: about.runtime_state,
            idle_timeout_ms: about.idle_timeout_ms,
            created_at: Timestamp::from_millis(about.created_ms),
            title: about.title,
            model: about.model,
            active_turn_id: chat.open_turn(),
            last_event_id: Some(chat.relay.head().seq),
        }
    }

    /// Whether it has this status.
    pub(crate) fn is(&self, status: &str) -> bool {
        self.status == status
    }

    /// A chat that nobody uses, from the store.
    pub(crate) fn of_row(row: ChatRow) -> Self {
        let ended = row.ended_ms.is_some();
        Self {
            id: row.id,
            status: status(ended, false),
            provider: row.provider,
            runtime_state: if ended { "ended" } else { "stopped" },
            idle_timeout_ms: row.idle_timeout_ms,
            created_at: Timestamp::from_millis(row.created_ms),
            title: row.title,
            model: row.model,
            active_turn_id: None,
            last_event_id: None,
        }
    }
}

fn status(ended: bool, awake: bool) -> &'static str {
    match (ended, awake) {
        (true, _) => "ended",
        (false, true) => "active",
        (false, false) => "idle",
    }
}

/// What `respond` and `message` take.
#[derive(Debug, Deserialize)]
pub(crate) struct PromptShape {
    #[serde(default, deserialize_with = "null_is_absent")]
    parts: Vec<Value>,
    model: Option<String>,
    agent: Option<String>,
    system: Option<String>,
    format: Option<Value>,
}

fn null_is_absent<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A whole number; `1.0` is one, as JSON schema has it.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole, and in its range"
    )]
    let whole =
        number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..9e15).contains(float)).map(|float| float as u64);
    let whole = number.as_u64().or(whole);
    whole.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{number} is no whole number from 0")))
}

impl PromptShape {
    /// Checked, and in the form the runtime takes.
    pub(crate) fn check(self) -> ApiResult<NewTurn> {
        if self.parts.is_empty() {
            return Err(ApiError::invalid(
                "`parts` is empty; send at least one, such as {\"type\":\"text\",\"text\":\"Hello\"}.",
            ));
        }
        if self.parts.len() > MOST_PARTS {
            let count = self.parts.len();
            return Err(ApiError::invalid(format!(
                "`parts` holds {count} parts, and a prompt may have {MOST_PARTS}; join texts, or upload files into the workspace."
            )));
        }
        let parts = self.parts.iter().enumerate().map(|(at, part)| check_part(at, part)).collect::<ApiResult<_>>()?;
        if self.format.as_ref().is_some_and(|format| !format.is_object()) {
            return Err(ApiError::invalid("`format` must be an object with a JSON schema."));
        }
        Ok(NewTurn {
            parts,
            model: check_model(self.model)?,
            agent: self.agent.filter(|agent| !agent.is_empty()),
            system: self.system.filter(|system| !system.is_empty()),
            format: self.format,
        })
    }
}

/// A model's name is `provider/model`; an empty one counts as absent.
pub(crate) fn check_model(model: Option<String>) -> ApiResult<Option<String>> {
    let Some(model) = model.filter(|model| !model.is_empty()) else { return Ok(None) };
    match model.split_once('/') {
        Some((provider, name)) if !provider.is_empty() && !name.is_empty() => Ok(Some(model)),
        _ => Err(ApiError::invalid("`model` must be of the form provider/model, such as anthropic/claude-sonnet-4-5.")),
    }
}

/// One part, with nothing in it but what the runtime is to have.
fn check_part(at: usize, part: &Value) -> ApiResult<Value> {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    match text("type") {
        Some("text") => match text("text") {
            Some(said) if !said.trim().is_empty() => Ok(serde_json::json!({ "type": "text", "text": said })),
            _ => Err(ApiError::invalid(format!(
                "`parts[{at}]` has no text; a text part needs a `text` that is not empty."
            ))),
        },
        Some("file") => check_file(at, part),
        _ => Err(ApiError::invalid(format!(
            "`parts[{at}]` is of a kind this server does not take; `type` must be \"text\" or \"file\"."
        ))),
    }
}

fn check_file(at: usize, part: &Value) -> ApiResult<Value> {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let (Some(mime), Some(url)) = (text("mime"), text("url")) else {
        return Err(ApiError::invalid(format!("`parts[{at}]` lacks something; a file part needs `mime` and `url`.")));
    };
    // A `file:` address would read whatever this machine has, and an `http:` one whatever its network has: services without
    // certificates are those that trust whoever reaches them.
    if !["data:", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(ApiError::invalid(format!(
            "`parts[{at}].url` must begin with data: or https://; upload other files into the workspace and name them in the text."
        )));
    }
    let mut file = serde_json::json!({ "type": "file", "mime": mime, "url": url });
    match part.get("filename") {
        None | Some(Value::Null) => {}
        Some(Value::String(filename)) => file["filename"] = filename.as_str().into(),
        Some(_) => return Err(ApiError::invalid(format!("`parts[{at}].filename` must be a text."))),
    }
    Ok(file)
}

/// The idempotency key of a request.
pub(crate) fn idempotency_key(headers: &http::HeaderMap) -> ApiResult<Option<&str>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key)),
        _ => Err(ApiError::invalid("`Idempotency-Key` must be 1 to 255 printable letters.")),
    }
}
