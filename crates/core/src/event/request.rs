//! Requests of the agent: questions and permissions.

use crate::id::{MessageId, PartId, RequestId};
use crate::json::Json;
use crate::lax;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

/// An open request of the agent. The turn continues once it is answered.
///
/// ```
/// use turnwire::event::{InputRequest, Permission};
///
/// let request = InputRequest::from(Permission::new("per_1", "bash"));
/// assert_eq!(request.request_id(), &"per_1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum InputRequest {
    /// Questions with options.
    Question(Question),
    /// A permission to do something.
    Permission(Permission),
}

impl InputRequest {
    /// The id to answer under.
    pub fn request_id(&self) -> &RequestId {
        match self {
            Self::Question(question) => &question.request_id,
            Self::Permission(permission) => &permission.request_id,
        }
    }
}

impl<'de> Deserialize<'de> for InputRequest {
    // By hand: serde's own tagged enums buffer their input, in which form raw JSON cannot be kept.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tag {
            kind: String,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let tag: Tag = serde_json::from_str(raw.get()).map_err(de::Error::custom)?;
        match tag.kind.as_str() {
            "question" => serde_json::from_str(raw.get()).map(Self::Question).map_err(de::Error::custom),
            "permission" => serde_json::from_str(raw.get()).map(Self::Permission).map_err(de::Error::custom),
            other => Err(de::Error::unknown_variant(other, &["question", "permission"])),
        }
    }
}

/// One or more questions in one request; an answer has one list of labels (or of free text) for each.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut stream = client.chat().respond("chat_1", "Set it up.").await?;
/// while let Some(event) = stream.try_next().await? {
///     if let Some(question) = event.question() {
///         let first = |prompt: &turnwire::event::Prompt| prompt.options.first().map(|option| option.label.clone());
///         stream.answer(question, question.questions.iter().map(first).collect::<Vec<_>>()).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Question {
    /// The id to answer under.
    #[serde(default, alias = "request_id", deserialize_with = "lax::id")]
    pub request_id: RequestId,
    /// The message that contains the request.
    #[serde(default, alias = "message_id", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The tool part that makes the request.
    #[serde(default, alias = "part_id", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub part_id: Option<PartId>,
    /// The questions.
    #[serde(default, deserialize_with = "lax::objects")]
    pub questions: Vec<Prompt>,
}

/// One question with its options.
///
/// ```
/// use turnwire::event::{Choice, Prompt};
///
/// let mut prompt = Prompt::new("Which runner?");
/// prompt.options = vec![Choice::new("pytest"), Choice::new("unittest")];
/// assert!(!prompt.multiple);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prompt {
    /// A word or two above the question.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub header: String,
    /// The question.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub question: String,
    /// The answers offered.
    #[serde(default, deserialize_with = "lax::objects")]
    pub options: Vec<Choice>,
    /// Whether several options may be chosen.
    #[serde(default, deserialize_with = "lax::flag")]
    pub multiple: bool,
    /// Whether an answer of one's own is welcome.
    #[serde(default, deserialize_with = "lax::flag")]
    pub custom: bool,
}

/// One option of a question.
///
/// ```
/// assert_eq!(turnwire::event::Choice::new("yes").label, "yes");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// The answer if this option is chosen.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub label: String,
    /// A description.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub description: String,
}

/// A permission that the agent requests.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::PermissionReply;
///
/// let mut stream = client.chat().respond("chat_1", "Run the tests.").await?;
/// while let Some(event) = stream.try_next().await? {
///     if let Some(permission) = event.permission() {
///         let reply = match &*permission.permission {
///             "bash" => PermissionReply::Once,
///             _ => PermissionReply::Reject(Some("Only commands.".into())),
///         };
///         stream.allow(permission, reply).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Permission {
    /// The id to answer under.
    #[serde(default, alias = "request_id", deserialize_with = "lax::id")]
    pub request_id: RequestId,
    /// The message that contains the request.
    #[serde(default, alias = "message_id", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The tool part that makes the request.
    #[serde(default, alias = "part_id", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub part_id: Option<PartId>,
    /// The kind of permission: `bash`, `edit`, `external_directory` …
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub permission: String,
    /// The commands or paths it is about.
    #[serde(default, deserialize_with = "lax::texts")]
    pub patterns: Vec<String>,
    /// What the runtime says beside it.
    #[serde(default = "Json::empty_object")]
    pub metadata: Json,
}
