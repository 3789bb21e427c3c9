//! The kinds of raw events that are read.

macro_rules! kinds {
    ($($name:literal => $kind:ident,)*) => {
        /// A kind of raw event that the normalizer reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum RawKind {
            $($kind,)*
        }

        impl RawKind {
            /// The kind with this name in `type`; `None`: it is passed over.
            pub(crate) fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }

        /// The `type` of every raw event that the normalizer reads. It passes over all others.
        pub const RAW_EVENTS: &[&str] = &[$($name),*];
    };
}

kinds! {
    "message.updated" => MessageUpdated,
    "message.removed" => MessageRemoved,
    "message.part.updated" => PartUpdated,
    "message.part.delta" => PartDelta,
    "message.part.removed" => PartRemoved,
    "session.created" => SessionCreated,
    "session.updated" => SessionUpdated,
    "session.deleted" => SessionDeleted,
    "session.status" => SessionStatus,
    "session.idle" => SessionIdle,
    "session.error" => SessionError,
    "session.compacted" => SessionCompacted,
    "question.asked" => QuestionAsked,
    "question.replied" => QuestionReplied,
    "question.rejected" => QuestionRejected,
    "permission.asked" => PermissionAsked,
    "permission.updated" => PermissionUpdated,
    "permission.replied" => PermissionReplied,
    "todo.updated" => TodoUpdated,
    "turnwire.turn.accepted" => TurnAccepted,
    "turnwire.runtime" => Runtime,
    "turnwire.cancel.requested" => CancelRequested,
    "turnwire.snapshot" => Snapshot,
    "turnwire.turn.closed" => TurnClosed,
    "turnwire.chat.ended" => ChatEnded,
}
