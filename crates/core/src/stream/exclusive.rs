//! What only its owner touches, so that a stream can be shared where its futures cannot.

use std::sync::{Mutex, PoisonError};

/// A value that is only reached through `&mut`: never locked, and `Sync` whatever it holds. Without it the future of
/// `stream.answer(…)`, which borrows the stream, could not be spawned.
pub(super) struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn get(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}
