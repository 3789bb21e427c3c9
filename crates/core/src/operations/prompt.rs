//! The user's prompt of a turn.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A prompt: parts, and with what they are to be answered. Text converts into one.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::Prompt;
///
/// let prompt = Prompt::new("What is in this picture?").file("image/png", "https://example.com/a.png");
/// let turn = client.chat().send_message("chat_1", prompt).await?;
/// # let _ = turn;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Prompt {
    /// The content of the message.
    pub parts: Vec<PromptPart>,
    /// `provider/model`. Default: the chat's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent to speak to (our server).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// A system prompt of this turn (our server).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The form of the answer (our server), passed on to the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Value>,
}

/// A part of a prompt.
///
/// ```
/// use turnwire::chat::{KnownPart, Prompt, PromptPart};
///
/// let prompt = Prompt::new("Hello");
/// assert!(matches!(&prompt.parts[0], PromptPart::Known(KnownPart::Text { text }) if text == "Hello"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum PromptPart {
    /// `{type:"text",text}` or `{type:"file",mime,filename?,url}`.
    Known(KnownPart),
    /// Anything else: of another type it is sent as it is, of a known one it is refused, as a field would be lost.
    Other(Value),
}

/// The part types of the protocol.
///
/// ```
/// use turnwire::chat::KnownPart;
///
/// let part: KnownPart = serde_json::from_str(r#"{"type":"text","text":"Hello"}"#)?;
/// assert_eq!(part, KnownPart::Text { text: "Hello".to_owned() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum KnownPart {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A file (our server).
    File {
        /// Media type.
        mime: String,
        /// Name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
        /// Where it is: `data:`, `file:` or `https:`.
        url: String,
    },
}

impl Prompt {
    /// One text.
    pub fn new(text: impl Into<String>) -> Self {
        Self::default().text(text)
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(PromptPart::Known(KnownPart::Text { text: text.into() }));
        self
    }

    /// Adds a file (our server).
    #[must_use]
    pub fn file(mut self, mime: impl Into<String>, url: impl Into<String>) -> Self {
        self.parts.push(PromptPart::Known(KnownPart::File { mime: mime.into(), filename: None, url: url.into() }));
        self
    }

    /// `provider/model`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The agent to speak to (our server).
    #[must_use]
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// A system prompt of this turn (our server).
    #[must_use]
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// The form of the answer (our server), passed on to the runtime.
    #[must_use]
    pub fn format(mut self, format: impl Into<Value>) -> Self {
        self.format = Some(format.into());
        self
    }

    /// Refuses an empty prompt, before anything is sent.
    pub(crate) fn check(&self) -> Result<()> {
        check_model(self.model.as_deref())?;
        let empty = |part: &PromptPart| matches!(part, PromptPart::Known(KnownPart::Text { text }) if text.is_empty());
        if self.parts.iter().all(empty) {
            return Err(Error::new("invalid_argument", "The prompt is empty; pass a text or at least one part."));
        }
        self.parts.iter().enumerate().try_for_each(|(at, part)| match part {
            PromptPart::Known(_) => Ok(()),
            PromptPart::Other(part) => check_other(at, part),
        })
    }
}

/// Refuses a model without a name.
pub(super) fn check_model(model: Option<&str>) -> Result<()> {
    if model.is_some_and(|model| model.trim().is_empty()) {
        return Err(Error::new("invalid_argument", "The model is empty; leave it out for the default."));
    }
    Ok(())
}

/// The error for an unknown part.
fn check_other(at: usize, part: &Value) -> Result<()> {
    let (needed, allowed): (&[&str], &[&str]) = match part.get("type").and_then(Value::as_str) {
        Some("text") => (&["text"], &["type", "text"]),
        Some("file") => (&["mime", "url"], &["type", "mime", "filename", "url"]),
        Some(kind) if !kind.is_empty() => return Ok(()),
        _ => (&["type"], &[]),
    };
    let missing = needed.iter().find(|name| !part[**name].is_string());
    let unknown = part.as_object().and_then(|fields| fields.keys().find(|name| !allowed.contains(&name.as_str())));
    let why = match (missing, unknown) {
        (Some(name), _) => format!("needs {name}, a string"),
        (None, Some(name)) => format!("has no {name}; a part of this type has {}", allowed.join(", ")),
        (None, None) => "has a field of a wrong type; all are strings".to_owned(),
    };
    Err(Error::new("invalid_argument", format!("Part {} of the prompt {why}.", at + 1)))
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Prompt {
    fn from(text: &String) -> Self {
        Self::new(text.as_str())
    }
}
