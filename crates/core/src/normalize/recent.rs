//! The last so many ids, and no more.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Remembers the last `limit` ids by their hashes, so that a long id costs no more than a short one.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    limit: usize,
    order: VecDeque<u64>,
    known: HashSet<u64, BuildHasherDefault<AsIs>>,
}

impl Recent {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, order: VecDeque::new(), known: HashSet::default() }
    }

    /// Remembers an id; `false`: it was known.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        self.insert_hash(hash(0, id))
    }

    /// The same within a scope, in which ids are unique.
    pub(super) fn insert_in(&mut self, scope: &str, id: &str) -> bool {
        self.insert_hash(hash(hash(0, scope), id))
    }

    /// Whether an id is remembered in its scope.
    pub(super) fn contains_in(&self, scope: &str, id: &str) -> bool {
        self.known.contains(&hash(hash(0, scope), id))
    }

    fn insert_hash(&mut self, hash: u64) -> bool {
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
}

/// The same in every process, as the same log must give the same events. Ids end in random letters, so that a quick
/// hash of all their bytes spreads them well.
fn hash(seed: u64, id: &str) -> u64 {
    let mut hash = seed ^ id.len() as u64 ^ 0x9E37_79B9_7F4A_7C15;
    for chunk in id.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let wide = u128::from(hash ^ u64::from_le_bytes(word)) * 0xA076_1D64_78BD_642F;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded into one")]
        let folded = (wide >> 64) as u64 ^ wide as u64;
        hash = folded;
    }
    hash
}

/// What is a hash already is not hashed again.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
