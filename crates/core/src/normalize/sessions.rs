//! Which session is whose child, as the events that create or update a session say.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Subagents run subagents, but not for ever: a longer chain is a circle.
const MAX_DEPTH: usize = 16;

/// How many children are remembered. The children of turns long ended are forgotten first.
const REMEMBERED: usize = 4096;

/// What is known of a child session.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) parent: Arc<str>,
    pub(super) title: String,
}

/// The children known.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    children: HashMap<Arc<str>, Child>,
    order: VecDeque<Arc<str>>,
}

impl Sessions {
    /// Notes that `id` is a child of `parent`.
    pub(super) fn note(&mut self, id: &str, parent: &str, title: &str) {
        if id == parent || self.children.contains_key(id) {
            return;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.children.remove(&oldest);
        }
        let id: Arc<str> = Arc::from(id);
        self.order.push_back(id.clone());
        self.children.insert(id, Child { parent: Arc::from(parent), title: title.to_owned() });
    }

    /// What is known of `id` as a child; nothing of a root session.
    pub(super) fn child(&self, id: &str) -> Option<&Child> {
        self.children.get(id)
    }

    /// The session at the top of the chain that `id` is in: itself if it is no child.
    pub(super) fn root_of<'a>(&'a self, id: &'a str) -> &'a str {
        let mut at = id;
        for _ in 0..MAX_DEPTH {
            match self.children.get(at) {
                Some(child) => at = &child.parent,
                None => break,
            }
        }
        at
    }
}
