//! Identifiers. They are OpenCode's own where it has them, opaque strings everywhere else; cheap to clone.
//! Each kind is a type of its own, so that two that were swapped do not compile.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident = $example:literal) => {
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("let id = turnwire::", stringify!($name), "::from(\"", $example, "\");")]
        #[doc = concat!("assert_eq!(id.as_str(), \"", $example, "\");")]
        /// ```
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(Arc::from(id))
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(Arc::from(id))
            }
        }

        impl From<&String> for $name {
            fn from(id: &String) -> Self {
                Self::from(id.as_str())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    };
}

id! {
    /// A chat: `chat_…`.
    ChatId = "chat_1"
}
id! {
    /// A turn: `turn_` and what follows `msg_` in the id of the user's message.
    TurnId = "turn_1"
}
id! {
    /// A message: `msg_…`.
    MessageId = "msg_1"
}
id! {
    /// A part of a message: `prt_…`, a to-do list `todo_…`.
    PartId = "prt_1"
}
id! {
    /// A question (`que_…`) or a permission (`per_…`) the agent waits for.
    RequestId = "que_1"
}

impl TurnId {
    /// The turn that the user's message `id` opens.
    pub fn of_message(id: &str) -> Self {
        Self::from(format!("turn_{}", id.strip_prefix("msg_").unwrap_or(id)))
    }

    /// The user's message that opened this turn, the reverse of [`TurnId::of_message`].
    pub fn message_id(&self) -> MessageId {
        MessageId::from(format!("msg_{}", self.as_str().strip_prefix("turn_").unwrap_or(self.as_str())))
    }
}
