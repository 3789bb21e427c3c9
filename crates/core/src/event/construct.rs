//! Constructors of types that may get more fields: each takes the required fields.

use super::part::{FilePart, OtherPart, Part, PartBody, PatchPart, TextPart, TodoItem, TodoPart, ToolError, ToolPart};
use super::request::{Choice, Permission, Prompt, Question};
use super::usage::{MessageUsage, TokenCounts, Usage, UsageEntry};
use super::{
    FinishReason, InputRequest, MessageCompleted, MessageCreated, MessageKind, PartDelta, PartState, PartType,
    PartUpdated, SessionUsage, TodoPriority, TodoStatus, TurnCompleted, TurnError, TurnStarted, TurnStatus,
    TurnStatusChanged, UnknownEvent, UserMessage,
};
use crate::id::{MessageId, PartId, RequestId};
use crate::json::Json;
use crate::text::Text;

/// `Type(what is needed) { what is absent or empty at first }`: all fields of the type, in this order.
macro_rules! constructors {
    ($($name:ident($($needed:ident: $type:ty),*) { $($rest:ident),* })*) => {
        $(impl $name {
            /// With what it cannot be without; every other field is absent or empty, and can be set.
            pub fn new($($needed: impl Into<$type>),*) -> Self {
                Self { $($needed: $needed.into(),)* $($rest: Default::default()),* }
            }
        })*
    };
}

constructors! {
    TurnStarted(user_message: UserMessage) { model, started_at }
    UserMessage(id: MessageId, parts: Vec<Json>) {}
    TurnStatusChanged(status: TurnStatus) { message, attempt, next_attempt_at, requests }
    MessageCreated(message_id: MessageId, kind: MessageKind) { model, agent, parent_part_id, created_at }
    PartDelta(message_id: MessageId, part_id: PartId, part_type: PartType, delta: Text) { kind, parent_part_id }
    MessageCompleted(message_id: MessageId, finish_reason: FinishReason) {
        kind, parent_part_id, usage, error, completed_at
    }
    SessionUsage(usage: Usage) {}
    TurnCompleted(status: TurnStatus) { merged_into, error, completed_at, duration }
    TurnError(code: String, message: String) { retryable }
    UnknownEvent(event_type: String, raw: Json) {}
    Part(id: PartId, body: PartBody, state: PartState) {}
    TextPart(text: String) {}
    ToolError(code: String, message: String) {}
    FilePart(mime: String, url: String) { filename, tool_part_id, omitted }
    PatchPart(files: Vec<String>) {}
    TodoPart(items: Vec<TodoItem>) {}
    TodoItem(content: String, status: TodoStatus, priority: TodoPriority) {}
    OtherPart(part_type: PartType, raw: Json) {}
    Question(request_id: RequestId, questions: Vec<Prompt>) { message_id, part_id }
    Prompt(question: String) { header, options, multiple, custom }
    Choice(label: String) { description }
    MessageUsage(counts: TokenCounts) { model }
    Usage(counts: TokenCounts, summary: TokenCounts) { model, entries }
    UsageEntry(message_id: MessageId, kind: MessageKind, counts: TokenCounts) { parent_part_id, model }
}

impl PartUpdated {
    /// Of a part as it now stands.
    pub fn new(message_id: impl Into<MessageId>, part: Part) -> Self {
        Self {
            message_id: message_id.into(),
            part_id: part.id.clone(),
            part_type: part.part_type().clone(),
            kind: None,
            parent_part_id: None,
            part,
        }
    }
}

impl ToolPart {
    /// A call without a result yet.
    pub fn new(call_id: impl Into<String>, tool: impl Into<String>, input: Json) -> Self {
        Self {
            call_id: call_id.into(),
            tool: tool.into(),
            input,
            output: None,
            error: None,
            title: None,
            metadata: None,
            started_at: None,
            completed_at: None,
        }
    }
}

impl Permission {
    /// To do what is named, without patterns.
    pub fn new(request_id: impl Into<RequestId>, permission: impl Into<String>) -> Self {
        Self {
            request_id: request_id.into(),
            message_id: None,
            part_id: None,
            permission: permission.into(),
            patterns: Vec::new(),
            metadata: Json::empty_object(),
        }
    }
}

impl TokenCounts {
    /// No usage, with a cost that was not reported.
    pub fn new() -> Self {
        Self::default()
    }
}

impl From<Question> for InputRequest {
    fn from(question: Question) -> Self {
        Self::Question(question)
    }
}

impl From<Permission> for InputRequest {
    fn from(permission: Permission) -> Self {
        Self::Permission(permission)
    }
}
