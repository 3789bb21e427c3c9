//! Which raw events are this chat's: those of its session and of the sessions its agent opens under it.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// A chat's session and its children.
#[derive(Debug)]
pub(super) struct SessionTree {
    root: String,
    children: HashSet<String>,
}

/// What the chat has to know of a raw event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Belongs {
    /// The event told of a new child session.
    pub(super) new_child: Option<String>,
    /// The root session has nothing to do.
    pub(super) root_idle: bool,
    /// A message id in it, to make later ones sort after.
    pub(super) message_id: Option<String>,
    /// The message is the user's, in the chat's own session.
    pub(super) of_user: bool,
}

/// As little as is needed, read as tolerantly as can be: older versions put the session's id elsewhere.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    properties: Properties<'a>,
}

/// Kept raw, as other events have other things under the same names.
#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(rename = "sessionID", borrow, default)]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    info: Option<&'a RawValue>,
    #[serde(borrow, default)]
    part: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
}

fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

#[derive(Deserialize)]
struct Info<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(rename = "sessionID", borrow, default)]
    session_id: Option<Cow<'a, str>>,
    #[serde(rename = "parentID", borrow, default)]
    parent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(rename = "sessionID", borrow, default)]
    session_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(rename = "type", borrow, default)]
    status: Option<Cow<'a, str>>,
}

impl SessionTree {
    pub(super) fn new(root: String, children: Vec<String>) -> Self {
        Self { root, children: children.into_iter().collect() }
    }

    /// Whether a session is this chat's.
    pub(super) fn knows(&self, session: &str) -> bool {
        session == self.root || self.children.contains(session)
    }

    /// `None`: it is of no session, or of one that is not this chat's.
    pub(super) fn belongs(&mut self, raw: &[u8]) -> Option<Belongs> {
        let raw: Raw<'_> = serde_json::from_slice(raw).ok()?;
        let properties = raw.properties;
        let of_session = raw.event_type.starts_with("session.");
        let info: Option<Info<'_>> = read(properties.info);
        let info = info.as_ref();
        let part: Option<Part<'_>> = read(properties.part.filter(|_| properties.session_id.is_none()));
        let session = properties
            .session_id
            .as_deref()
            .or_else(|| info.and_then(|info| info.session_id.as_deref()))
            .or_else(|| part.as_ref().and_then(|part| part.session_id.as_deref()))
            .or_else(|| info.filter(|_| of_session).and_then(|info| info.id.as_deref()))?;
        let mut new_child = None;
        if !self.knows(session) {
            let parent = info.filter(|_| of_session).and_then(|info| info.parent_id.as_deref())?;
            if !self.knows(parent) {
                return None;
            }
            self.children.insert(session.to_owned());
            new_child = Some(session.to_owned());
        }
        let idle = raw.event_type == "session.idle"
            || (raw.event_type == "session.status"
                && read::<Status<'_>>(properties.status).and_then(|status| status.status).as_deref() == Some("idle"));
        let message_id = info
            .filter(|_| raw.event_type == "message.updated")
            .and_then(|info| info.id.as_deref())
            .filter(|id| id.starts_with("msg_"))
            .map(str::to_owned);
        let of_user = message_id.is_some()
            && session == self.root
            && info.is_some_and(|info| info.role.as_deref() == Some("user"));
        Some(Belongs { new_child, root_idle: idle && session == self.root, message_id, of_user })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::SessionTree;

    #[test]
    fn children_belong_and_strangers_do_not() {
        let mut tree = SessionTree::new("ses_root".to_owned(), Vec::new());
        let created = |id: &str, parent: &str| {
            format!(
                r#"{{"type":"session.created","properties":{{"sessionID":"{id}","info":{{"id":"{id}","parentID":"{parent}"}}}}}}"#
            )
        };
        assert_eq!(tree.belongs(br#"{"type":"server.connected","properties":{}}"#), None);
        assert_eq!(tree.belongs(created("ses_other", "ses_nobody").as_bytes()), None);
        let child = tree.belongs(created("ses_child", "ses_root").as_bytes()).unwrap();
        assert_eq!(child.new_child.as_deref(), Some("ses_child"));
        let grandchild = tree.belongs(created("ses_grand", "ses_child").as_bytes()).unwrap();
        assert_eq!(grandchild.new_child.as_deref(), Some("ses_grand"));
        let idle = tree.belongs(br#"{"type":"session.idle","properties":{"sessionID":"ses_child"}}"#).unwrap();
        assert!(!idle.root_idle, "a child's idle is not the chat's");
        let idle = tree.belongs(br#"{"type":"session.idle","properties":{"sessionID":"ses_root"}}"#).unwrap();
        assert!(idle.root_idle);
        let closed = br#"{"type":"turnwire.turn.closed","properties":{"sessionID":"ses_root","status":"failed"}}"#;
        assert!(tree.belongs(closed).is_some(), "other events have other things under the same names");
    }

    #[test]
    fn an_event_of_an_older_version_belongs_by_what_is_inside_it() {
        let mut tree = SessionTree::new("ses_root".to_owned(), Vec::new());
        let old = br#"{"type":"message.updated","properties":{"info":{"id":"msg_1","sessionID":"ses_root","parentID":"msg_0"}}}"#;
        assert_eq!(tree.belongs(old).unwrap().message_id.as_deref(), Some("msg_1"));
        let part = br#"{"type":"message.part.updated","properties":{"part":{"sessionID":"ses_root","text":"\ud83d"}}}"#;
        assert!(tree.belongs(part).is_some(), "half a surrogate pair in a text is no reason to drop the event");
    }
}
