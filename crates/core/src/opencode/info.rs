//! What `OpenCode` says about a session, a message, a part, a request: the fields the normalizer reads.

use crate::lax::{Flag, List, Number, Obj, Raw, Text};
use serde::Deserialize;

/// `time` of a message, a part or a tool's state.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Times {
    pub(crate) created: Number,
    pub(crate) completed: Number,
    pub(crate) start: Number,
    pub(crate) end: Number,
}

/// `model` of a user's message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelRef<'a> {
    #[serde(borrow, rename = "providerID")]
    pub(crate) provider_id: Text<'a>,
    #[serde(borrow, rename = "modelID")]
    pub(crate) model_id: Text<'a>,
}

/// `tokens`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    pub(crate) input: Number,
    pub(crate) output: Number,
    pub(crate) reasoning: Number,
    pub(crate) cache: Obj<CacheTokens>,
}

/// `tokens.cache`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CacheTokens {
    pub(crate) read: Number,
    pub(crate) write: Number,
}

/// An error: of a session, a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorInfo<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) data: Obj<ErrorData<'a>>,
    #[serde(borrow)]
    pub(crate) message: Text<'a>,
}

/// What stands under an error's `data`. Headers, bodies and addresses of the provider are never read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorData<'a> {
    #[serde(borrow)]
    pub(crate) message: Text<'a>,
    #[serde(rename = "statusCode")]
    pub(crate) status_code: Number,
    #[serde(rename = "isRetryable")]
    pub(crate) is_retryable: Flag,
}

/// `info`: of a message, or of a session, which has a few of the same names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Info<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow, rename = "sessionID")]
    pub(crate) session_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) role: Text<'a>,
    /// Of a message: the user's message it answers. Of a session: the session it is a child of.
    #[serde(borrow, rename = "parentID")]
    pub(crate) parent_id: Text<'a>,
    /// Of a session.
    #[serde(borrow)]
    pub(crate) title: Text<'a>,
    #[serde(borrow)]
    pub(crate) agent: Text<'a>,
    #[serde(borrow, rename = "providerID")]
    pub(crate) provider_id: Text<'a>,
    #[serde(borrow, rename = "modelID")]
    pub(crate) model_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) model: Obj<ModelRef<'a>>,
    pub(crate) time: Obj<Times>,
    #[serde(borrow)]
    pub(crate) finish: Text<'a>,
    #[serde(borrow)]
    pub(crate) error: Obj<ErrorInfo<'a>>,
    /// `true` on the agent's summary; an object on a user's message that was looked at again.
    #[serde(borrow)]
    pub(crate) summary: Raw<'a>,
    pub(crate) cost: Number,
    pub(crate) tokens: Obj<Tokens>,
}

impl Info<'_> {
    pub(crate) fn times(&self) -> Times {
        self.time.0.unwrap_or_default()
    }

    /// Whether the runtime says that it is complete.
    pub(crate) fn is_completed(&self) -> bool {
        self.times().completed.0.is_some()
    }

    /// Whether this is a summary the agent wrote for itself.
    pub(crate) fn is_summary(&self) -> bool {
        self.summary.is_some_and(|summary| summary.get() == "true")
    }

    /// Whether there is anything under `summary`.
    pub(crate) fn has_summary(&self) -> bool {
        self.summary.is_some_and(|summary| !matches!(summary.get(), "null" | "false"))
    }
}

/// A part of a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PartInfo<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow, rename = "sessionID")]
    pub(crate) session_id: Text<'a>,
    #[serde(borrow, rename = "messageID")]
    pub(crate) message_id: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(crate) part_type: Text<'a>,
    #[serde(borrow)]
    pub(crate) text: Text<'a>,
    pub(crate) synthetic: Flag,
    pub(crate) time: Obj<Times>,
    #[serde(borrow, rename = "callID")]
    pub(crate) call_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) tool: Text<'a>,
    #[serde(borrow)]
    pub(crate) state: Obj<ToolState<'a>>,
    #[serde(borrow)]
    pub(crate) mime: Text<'a>,
    #[serde(borrow)]
    pub(crate) filename: Text<'a>,
    #[serde(borrow)]
    pub(crate) url: Text<'a>,
    #[serde(borrow)]
    pub(crate) files: List<Text<'a>>,
    pub(crate) cost: Number,
    pub(crate) tokens: Obj<Tokens>,
}

impl PartInfo<'_> {
    pub(crate) fn times(&self) -> Times {
        self.time.0.unwrap_or_default()
    }
}

/// `state` of a tool part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ToolState<'a> {
    #[serde(borrow)]
    pub(crate) status: Text<'a>,
    #[serde(borrow)]
    pub(crate) input: Raw<'a>,
    #[serde(borrow)]
    pub(crate) output: Text<'a>,
    #[serde(borrow)]
    pub(crate) error: Text<'a>,
    #[serde(borrow)]
    pub(crate) title: Text<'a>,
    #[serde(borrow)]
    pub(crate) metadata: Raw<'a>,
    pub(crate) time: Obj<Times>,
    /// What it gave back beside its output: pictures, mostly.
    #[serde(borrow)]
    pub(crate) attachments: List<Obj<FileInfo<'a>>>,
}

/// A file that a tool gave back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FileInfo<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) mime: Text<'a>,
    #[serde(borrow)]
    pub(crate) filename: Text<'a>,
    #[serde(borrow)]
    pub(crate) url: Text<'a>,
}

/// `status` of a session.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatusInfo<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    pub(crate) attempt: Number,
    #[serde(borrow)]
    pub(crate) message: Text<'a>,
    pub(crate) next: Number,
}

/// `tool` of a request: the call that asks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallRef<'a> {
    #[serde(borrow, rename = "messageID")]
    pub(crate) message_id: Text<'a>,
    #[serde(borrow, rename = "callID")]
    pub(crate) call_id: Text<'a>,
}

/// One question.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QuestionInfo<'a> {
    #[serde(borrow)]
    pub(crate) header: Text<'a>,
    #[serde(borrow)]
    pub(crate) question: Text<'a>,
    #[serde(borrow)]
    pub(crate) options: List<Obj<OptionInfo<'a>>>,
    pub(crate) multiple: Flag,
    pub(crate) custom: Flag,
}

/// One option of a question.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OptionInfo<'a> {
    #[serde(borrow)]
    pub(crate) label: Text<'a>,
    #[serde(borrow)]
    pub(crate) description: Text<'a>,
}

/// One thing to do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TodoInfo<'a> {
    #[serde(borrow)]
    pub(crate) content: Text<'a>,
    #[serde(borrow)]
    pub(crate) status: Text<'a>,
    #[serde(borrow)]
    pub(crate) priority: Text<'a>,
}

/// A message of a snapshot, as `GET /session/{id}/message` gives it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StoredMessage<'a> {
    #[serde(borrow)]
    pub(crate) info: Obj<Info<'a>>,
    #[serde(borrow)]
    pub(crate) parts: List<Raw<'a>>,
}
