//! The words of the contract. Every list is open: a word this version does not know is kept, never an error.

use crate::lax;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A word newer than this library.
            Other(String),
        }

        impl $name {
            /// The words that this version knows, in the order of the protocol.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as it travels.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
            }
        }
    };
}

open_enum! {
    /// Where a turn stands: one of the first eight while it is open, one of the others once it has ended.
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

/// The kind of a message without one.
pub(crate) fn answer() -> MessageKind {
    MessageKind::Answer
}

/// Reads a message's kind.
pub(crate) fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MessageKind, D::Error> {
    lax::word(deserializer).map(|kind| kind.unwrap_or_else(answer))
}
