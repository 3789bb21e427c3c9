//! The words of a chat and its messages.

use crate::open_enum::open_enum;

open_enum! {
    /// The status of a chat.
    ///
    /// ```
    /// use turnwire::chat::ChatStatus;
    ///
    /// assert_eq!(ChatStatus::from("idle"), ChatStatus::Idle);
    /// ```
    ChatStatus {
        /// Its runtime runs.
        Active = "active",
        /// Its runtime is stopped; the next use wakes it.
        Idle = "idle",
        /// It was deleted.
        Ended = "ended",
    }
}

open_enum! {
    /// The state of a chat's runtime.
    ///
    /// ```
    /// use turnwire::chat::RuntimeState;
    ///
    /// assert_eq!(RuntimeState::Archived.as_str(), "archived");
    /// ```
    RuntimeState {
        /// It is being started.
        Starting = "starting",
        /// It runs.
        Running = "running",
        /// It is being stopped.
        Stopping = "stopping",
        /// It is stopped.
        Stopped = "stopped",
        /// It is stored where it cannot run at once.
        Archived = "archived",
        /// It failed.
        Error = "error",
        /// It was destroyed with its chat.
        Ended = "ended",
    }
}

open_enum! {
    /// The author of a message.
    Role {
        /// The user.
        User = "user",
        /// The agent.
        Assistant = "assistant",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{ChatStatus, Role, RuntimeState};

    #[test]
    fn an_unknown_word_is_kept() {
        for (word, status) in [("idle", ChatStatus::Idle), ("frozen", ChatStatus::Other("frozen".into()))] {
            assert_eq!(word.parse::<ChatStatus>().unwrap(), status);
            assert_eq!(ChatStatus::from(word.to_owned()), status);
            assert_eq!((status.to_string().as_str(), status.as_str()), (word, word));
            assert_eq!(serde_json::to_value(&status).unwrap(), word);
            assert_eq!(serde_json::from_value::<ChatStatus>(word.into()).unwrap(), status);
        }
        assert_eq!(RuntimeState::from("moving"), RuntimeState::Other("moving".into()));
        assert_eq!(Role::from("assistant"), Role::Assistant);
        assert!(serde_json::from_str::<Role>("1").unwrap_err().to_string().contains("expected a string"));
    }
}
