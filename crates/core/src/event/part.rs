//! The parts a message is made of.

use super::{PartState, PartType, TodoPriority, TodoStatus};
use crate::id::PartId;
use crate::json::Json;
use crate::lax::{self, Failure};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

/// The current state of a part.
///
/// ```
/// use turnwire::event::{Part, PartBody, PartState, PartType, TextPart};
///
/// let part = Part::new("prt_1", PartBody::Text(TextPart::new("Hello")), PartState::Done);
/// assert_eq!((part.text(), part.part_type()), (Some("Hello"), &PartType::Text));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// Stable over reconnects and replays.
    pub id: PartId,
    /// The type of the part, with its fields.
    #[serde(flatten)]
    pub body: PartBody,
    /// Where it stands.
    pub state: PartState,
}

/// The kinds of part.
///
/// ```
/// use turnwire::event::{Part, PartBody};
///
/// fn title(part: &Part) -> String {
///     match &part.body {
///         PartBody::Tool(tool) => tool.title.clone().unwrap_or_else(|| tool.tool.clone()),
///         PartBody::File(file) => file.filename.clone().unwrap_or_default(),
///         _ => part.part_type().to_string(),
///     }
/// }
/// # let _ = title;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum PartBody {
    /// Text of the answer.
    Text(TextPart),
    /// The model's reasoning.
    Reasoning(TextPart),
    /// A tool call.
    Tool(Box<ToolPart>),
    /// A file.
    File(FilePart),
    /// Files changed in the workspace.
    Patch(PatchPart),
    /// The agent's to-do list; a later one replaces an earlier one.
    Todo(TodoPart),
    /// A kind newer than this library.
    #[serde(untagged)]
    Other(OtherPart),
}

/// Text or reasoning.
///
/// ```
/// assert_eq!(turnwire::event::TextPart::new("Hello").text, "Hello");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextPart {
    /// The whole text so far.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub text: String,
}

/// A tool call.
///
/// ```
/// use turnwire::event::ToolPart;
///
/// let tool = ToolPart::new("call_1", "bash", turnwire::Json::empty_object());
/// assert!(tool.output.is_none() && tool.error.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolPart {
    /// The provider's id of the call.
    #[serde(default, alias = "call_id", alias = "callID", deserialize_with = "lax::text_or_empty")]
    pub call_id: String,
    /// The tool's name.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub tool: String,
    /// Its arguments, as the model passed them.
    #[serde(default = "Json::empty_object")]
    pub input: Json,
    /// The output of the tool, complete or so far.
    #[serde(default, deserialize_with = "lax::output", skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Why it failed.
    #[serde(default, deserialize_with = "lax::error", skip_serializing_if = "Option::is_none")]
    pub error: Option<ToolError>,
    /// A short title for people.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the tool says beside its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    /// When it began.
    #[serde(default, alias = "started_at", deserialize_with = "lax::time", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, alias = "completed_at", deserialize_with = "lax::time", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// Why a tool failed.
///
/// ```
/// assert_eq!(turnwire::event::ToolError::new("tool_failed", "exit status 1").code, "tool_failed");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Failure")]
#[non_exhaustive]
pub struct ToolError {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

impl From<Failure> for ToolError {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message }
    }
}

/// A file of the agent, or one that a tool returned.
///
/// ```
/// let file = turnwire::event::FilePart::new("image/png", "https://example.com/a.png");
/// assert!(!file.omitted);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FilePart {
    /// Media type.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub mime: String,
    /// Name, if it has one.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Where it is: `data:`, `file:` or `https:`. Empty where it was left out.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub url: String,
    /// The tool part that returned the file.
    #[serde(default, alias = "tool_part_id", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub tool_part_id: Option<PartId>,
    /// True if the file was too large to be sent, so that `url` is empty.
    #[serde(default, deserialize_with = "lax::flag", skip_serializing_if = "std::ops::Not::not")]
    pub omitted: bool,
}

/// Files changed by a step.
///
/// ```
/// let patch = turnwire::event::PatchPart::new(vec!["src/main.rs".to_owned()]);
/// assert_eq!(patch.files, ["src/main.rs"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PatchPart {
    /// Their paths.
    #[serde(default, deserialize_with = "lax::texts")]
    pub files: Vec<String>,
}

/// The agent's to-do list.
///
/// ```
/// use turnwire::event::{TodoItem, TodoPart};
///
/// let list = TodoPart::new(vec![TodoItem::new("Look", "pending", "low")]);
/// assert_eq!(list.items.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TodoPart {
    /// The whole list.
    #[serde(default, deserialize_with = "lax::objects")]
    pub items: Vec<TodoItem>,
}

/// One thing to do.
///
/// ```
/// use turnwire::event::{TodoItem, TodoPriority, TodoStatus};
///
/// let item = TodoItem::new("Look", "in_progress", TodoPriority::High);
/// assert_eq!(item.status, TodoStatus::InProgress);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TodoItem {
    /// What.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub content: String,
    /// How far it is.
    #[serde(default, deserialize_with = "lax::id")]
    pub status: TodoStatus,
    /// How urgent it is.
    #[serde(default, deserialize_with = "lax::id")]
    pub priority: TodoPriority,
}

/// A part of a kind this library does not know.
///
/// ```
/// let part = turnwire::event::OtherPart::new("chart", turnwire::Json::empty_object());
/// assert_eq!(part.part_type, "chart");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OtherPart {
    /// Its kind.
    #[serde(rename = "type")]
    pub part_type: PartType,
    /// The part as the runtime sent it.
    pub raw: Json,
}

impl Part {
    /// The part's kind.
    pub fn part_type(&self) -> &PartType {
        match &self.body {
            PartBody::Text(_) => &PartType::Text,
            PartBody::Reasoning(_) => &PartType::Reasoning,
            PartBody::Tool(_) => &PartType::Tool,
            PartBody::File(_) => &PartType::File,
            PartBody::Patch(_) => &PartType::Patch,
            PartBody::Todo(_) => &PartType::Todo,
            PartBody::Other(other) => &other.part_type,
        }
    }

    /// The text of a text part; nothing for any other.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            PartBody::Text(part) => Some(&part.text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    // By hand, as the kinds keep raw JSON, which serde's flattened and tagged forms cannot.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default, deserialize_with = "lax::id")]
            id: PartId,
            #[serde(rename = "type", default, deserialize_with = "lax::id")]
            part_type: PartType,
            #[serde(default, deserialize_with = "lax::word")]
            state: Option<PartState>,
            #[serde(default)]
            raw: Option<Json>,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let json = raw.get();
        let head: Head = serde_json::from_str(json).map_err(de::Error::custom)?;
        let body = match head.part_type {
            PartType::Text => serde_json::from_str(json).map(PartBody::Text),
            PartType::Reasoning => serde_json::from_str(json).map(PartBody::Reasoning),
            PartType::Tool => serde_json::from_str(json).map(|tool| PartBody::Tool(Box::new(tool))),
            PartType::File => serde_json::from_str(json).map(PartBody::File),
            PartType::Patch => serde_json::from_str(json).map(PartBody::Patch),
            PartType::Todo => serde_json::from_str(json).map(PartBody::Todo),
            PartType::Other(_) => Ok(PartBody::Other(OtherPart {
                part_type: head.part_type,
                raw: head.raw.unwrap_or_else(|| Json::from(&*raw)),
            })),
        }
        .map_err(de::Error::custom)?;
        // A service that reports no state sends whole parts.
        Ok(Self { id: head.id, body, state: head.state.unwrap_or(PartState::Done) })
    }
}
