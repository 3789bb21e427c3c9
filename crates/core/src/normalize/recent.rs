//! The last so many ids, and no more.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Remembers the last `limit` ids by their hashes, so that a long id costs no more than a short one.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    limit: usize,
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Recent {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, order: VecDeque::new(), known: HashSet::new() }
    }

    /// Remembers an id; `false`: it was known.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        let hash = hash(id);
        if !self.known.insert(hash) {
            return false;
        }
        if self.order.len() == self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(hash);
        true
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.known.contains(&hash(id))
    }
}

/// The same in every process, as the same log must give the same events.
fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
