//! Serializes requests by idempotency key: two concurrent requests with the same key create one chat, and other keys do not wait.

use crate::error::{ApiError, ApiResult};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Scope and key.
type Key = (String, String);
/// A lock for each key in use, removed when nobody holds it or waits for it.
type Locks = HashMap<Key, Arc<tokio::sync::Mutex<()>>>;

/// The maximum number of keys in use.
const MOST: usize = 4096;

/// The keys chats are being created under.
#[derive(Debug, Default)]
pub(super) struct Creating {
    locks: Mutex<Locks>,
}

impl Creating {
    fn locks(&self) -> MutexGuard<'_, Locks> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place in the queue of this key.
    pub(super) fn place(&self, scope: &str, key: &str) -> ApiResult<Place<'_>> {
        let key = (scope.to_owned(), key.to_owned());
        let mut locks = self.locks();
        if locks.len() >= MOST && !locks.contains_key(&key) {
            return Err(ApiError::unavailable("Too many chats are being created at once; try again in a moment."));
        }
        let lock = locks.entry(key.clone()).or_default().clone();
        drop(locks);
        Ok(Place { creating: self, key, lock: Some(lock) })
    }
}

/// A place in the queue of a key; left when it is dropped.
pub(super) struct Place<'a> {
    creating: &'a Creating,
    key: Key,
    /// There until the drop.
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl Place<'_> {
    /// Waits for those before.
    pub(super) async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match &self.lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Under the lock of the map, no other request can start to use it in between.
        let mut locks = self.creating.locks();
        self.lock = None;
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Creating;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn the_same_key_waits_another_does_not_and_nothing_is_left() {
        let creating = Creating::default();
        let (first, second, other) =
            (creating.place("s", "a").unwrap(), creating.place("s", "a").unwrap(), creating.place("s", "b").unwrap());
        let held = first.turn().now_or_never().unwrap();
        assert!(second.turn().now_or_never().is_none(), "the same key");
        assert!(other.turn().now_or_never().is_some(), "another key");
        drop(held);
        drop(first);
        assert!(second.turn().now_or_never().is_some());
        assert_eq!(creating.locks().len(), 2);
        drop((second, other));
        assert!(creating.locks().is_empty());
    }
}
