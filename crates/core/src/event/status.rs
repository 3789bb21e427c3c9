//! The words of the contract. Every list is open: a word this version does not know is kept, never an error.

use crate::lax;
use crate::open_enum::open_enum;
use serde::Deserializer;

open_enum! {
    /// Where a turn stands: one of the first eight while it is open, one of the others once it has ended.
    ///
    /// ```
    /// use turnwire::event::TurnStatus;
    ///
    /// assert!(TurnStatus::from("failed").is_ended());
    /// assert_eq!(TurnStatus::from("pondering").as_str(), "pondering");
    /// ```
    TurnStatus {
        /// Accepted, not yet begun.
        Queued = "queued",
        /// The runtime is being started.
        Starting = "starting",
        /// A sleeping runtime is being woken.
        Resuming = "resuming",
        /// The agent works.
        Running = "running",
        /// The provider failed; the agent tries again.
        Retrying = "retrying",
        /// The conversation is being summarized to fit the model's context.
        Compacting = "compacting",
        /// The agent waits for an answer or a permission.
        Waiting = "waiting",
        /// A cancel was requested.
        Cancelling = "cancelling",
        /// Ended: the agent finished.
        Completed = "completed",
        /// Ended: cancelled.
        Cancelled = "cancelled",
        /// Ended: the provider, the model or the runtime failed; see `error`.
        Failed = "failed",
        /// Ended: a question or a permission was refused.
        Blocked = "blocked",
        /// Ended: the runtime or the chat went away in the middle.
        Interrupted = "interrupted",
        /// Ended: answered together with a later prompt.
        Merged = "merged",
    }
}

impl TurnStatus {
    /// Whether a turn with this status has ended.
    pub fn is_ended(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Cancelled | Self::Failed | Self::Blocked | Self::Interrupted | Self::Merged
        )
    }
}

open_enum! {
    /// Why a message ended.
    FinishReason {
        /// The model finished its answer.
        Stop = "stop",
        /// The model called tools; another message follows.
        ToolCalls = "tool_calls",
        /// The output limit was reached.
        Length = "length",
        /// The provider withheld the answer.
        ContentFilter = "content_filter",
        /// The turn was cancelled.
        Cancelled = "cancelled",
        /// `error` says what failed.
        Error = "error",
        /// The provider did not say.
        Unknown = "unknown",
    }
}

open_enum! {
    /// Where a part stands. Tools are `pending`, then `running`; texts are `streaming`.
    ///
    /// ```
    /// use turnwire::event::PartState;
    ///
    /// assert!(PartState::Running.is_open() && !PartState::Done.is_open());
    /// ```
    PartState {
        /// Text still grows.
        Streaming = "streaming",
        /// A tool call is being made ready.
        Pending = "pending",
        /// A tool runs.
        Running = "running",
        /// Ended well.
        Done = "done",
        /// Made void by a retry of the provider: take it off the screen.
        Discarded = "discarded",
        /// Ended in an error.
        Error = "error",
    }
}

impl PartState {
    /// Whether a part in this state still changes.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Streaming | Self::Pending | Self::Running)
    }
}

open_enum! {
    /// The purpose of a message of the agent.
    MessageKind {
        /// An answer to the user.
        Answer = "answer",
        /// A summary the agent wrote for itself when the context was full.
        Summary = "summary",
    }
}

open_enum! {
    /// The content of a part.
    ///
    /// ```
    /// use turnwire::event::PartType;
    ///
    /// assert_eq!(PartType::from("tool"), PartType::Tool);
    /// assert_eq!(PartType::from("hologram").to_string(), "hologram");
    /// ```
    PartType {
        /// Text of the answer.
        Text = "text",
        /// The model's reasoning.
        Reasoning = "reasoning",
        /// A tool call.
        Tool = "tool",
        /// A file.
        File = "file",
        /// Files changed in the workspace.
        Patch = "patch",
        /// The agent's to-do list.
        Todo = "todo",
    }
}

open_enum! {
    /// How far an item of a to-do list is.
    TodoStatus {
        /// Not begun.
        Pending = "pending",
        /// The agent works on it.
        InProgress = "in_progress",
        /// Done.
        Completed = "completed",
        /// Given up.
        Cancelled = "cancelled",
    }
}

open_enum! {
    /// How urgent an item of a to-do list is.
    TodoPriority {
        /// High.
        High = "high",
        /// Medium.
        Medium = "medium",
        /// Low.
        Low = "low",
    }
}

/// The kind of a message without one.
pub(crate) fn answer() -> MessageKind {
    MessageKind::Answer
}

/// Reads a message's kind.
pub(crate) fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MessageKind, D::Error> {
    lax::word(deserializer).map(|kind| kind.unwrap_or_else(answer))
}
