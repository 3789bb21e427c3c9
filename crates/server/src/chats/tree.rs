//! Which raw events are this chat's: those of its session and of the sessions its agent opens under it.

use std::collections::HashSet;
use turnwire::normalize::{About, Reading};

/// A chat's session and its children.
#[derive(Debug)]
pub(super) struct SessionTree {
    root: String,
    children: HashSet<String>,
}

/// The properties of a raw event that the chat needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Belongs {
    /// The event announced a new child session.
    pub(super) new_child: Option<String>,
    /// The root session has nothing to do.
    pub(super) root_idle: bool,
    /// A message id in it, to make later ones sort after.
    pub(super) message_id: Option<String>,
    /// The message is the user's, in the chat's own session.
    pub(super) of_user: bool,
}

impl SessionTree {
    pub(super) fn new(root: String, children: Vec<String>) -> Self {
        Self { root, children: children.into_iter().collect() }
    }

    /// Whether a session is this chat's.
    pub(super) fn knows(&self, session: &str) -> bool {
        session == self.root || self.children.contains(session)
    }

    /// `None` if the event has no session, or one that does not belong to this chat.
    pub(super) fn belongs(&mut self, event: &Reading<'_>) -> Option<Belongs> {
        event.about(|about| self.belongs_there(about)).flatten()
    }

    fn belongs_there(&mut self, about: &About<'_>) -> Option<Belongs> {
        let session = about.session_id?;
        let mut new_child = None;
        if !self.knows(session) {
            if !self.knows(about.parent_session_id?) {
                return None;
            }
            self.children.insert(session.to_owned());
            new_child = Some(session.to_owned());
        }
        let of_root = session == self.root;
        let message_id = about.message_id.filter(|id| id.starts_with("msg_")).map(str::to_owned);
        Some(Belongs {
            new_child,
            root_idle: about.idle && of_root,
            of_user: message_id.is_some() && of_root && about.of_user,
            message_id,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Belongs, SessionTree};
    use turnwire::normalize::Reading;

    fn belongs(tree: &mut SessionTree, raw: &[u8]) -> Option<Belongs> {
        tree.belongs(&Reading::of(raw))
    }

    #[test]
    fn children_belong_and_strangers_do_not() {
        let mut tree = SessionTree::new("ses_root".to_owned(), Vec::new());
        let created = |id: &str, parent: &str| {
            format!(
                r#"{{"type":"session.created","properties":{{"sessionID":"{id}","info":{{"id":"{id}","parentID":"{parent}"}}}}}}"#
            )
        };
        assert_eq!(belongs(&mut tree, br#"{"type":"server.connected","properties":{}}"#), None);
        assert_eq!(belongs(&mut tree, created("ses_other", "ses_nobody").as_bytes()), None);
        let child = belongs(&mut tree, created("ses_child", "ses_root").as_bytes()).unwrap();
        assert_eq!(child.new_child.as_deref(), Some("ses_child"));
        let grandchild = belongs(&mut tree, created("ses_grand", "ses_child").as_bytes()).unwrap();
        assert_eq!(grandchild.new_child.as_deref(), Some("ses_grand"));
        let idle = belongs(&mut tree, br#"{"type":"session.idle","properties":{"sessionID":"ses_child"}}"#).unwrap();
        assert!(!idle.root_idle, "a child's idle is not the chat's");
        let idle = belongs(&mut tree, br#"{"type":"session.idle","properties":{"sessionID":"ses_root"}}"#).unwrap();
        assert!(idle.root_idle);
        let closed = br#"{"type":"turnwire.turn.closed","properties":{"sessionID":"ses_root","status":"failed"}}"#;
        assert!(belongs(&mut tree, closed).is_some(), "other events have other things under the same names");
    }

    #[test]
    fn one_odd_field_is_no_reason_to_drop_an_event() {
        let mut tree = SessionTree::new("ses_root".to_owned(), Vec::new());
        for odd in
            [r#""cost":1e999"#, r#""info":{"id":"msg_1","time":{"created":-1e999}}"#, r#""info":7"#, r#""status":[]"#]
        {
            let event =
                format!(r#"{{"id":1e999,"type":"message.updated","properties":{{"sessionID":"ses_root",{odd}}}}}"#);
            assert!(belongs(&mut tree, event.as_bytes()).is_some(), "{odd}");
        }
        let numbered = br#"{"type":"session.idle","properties":{"sessionID":7}}"#;
        assert_eq!(belongs(&mut tree, numbered), None);
        let bad = b"{\"type\":\"message.part.delta\",\"properties\":{\"sessionID\":\"ses_root\",\"delta\":\"\xff\"}}";
        assert!(belongs(&mut tree, bad).is_some(), "bytes that are no UTF-8");
    }

    #[test]
    fn an_event_of_an_older_version_belongs_by_what_is_inside_it() {
        let mut tree = SessionTree::new("ses_root".to_owned(), Vec::new());
        let old = br#"{"type":"message.updated","properties":{"info":{"id":"msg_1","sessionID":"ses_root","parentID":"msg_0"}}}"#;
        assert_eq!(belongs(&mut tree, old).unwrap().message_id.as_deref(), Some("msg_1"));
        let part = br#"{"type":"message.part.updated","properties":{"part":{"sessionID":"ses_root","text":"\ud83d"}}}"#;
        assert!(belongs(&mut tree, part).is_some(), "half a surrogate pair in a text is no reason to drop the event");
    }
}
