//! The events that a result has read on its way to the end, kept for a reader that iterates after it, or beside it.

use crate::error::{Error, Result};
use std::collections::VecDeque;

/// How much is kept; about as much as the events of a very long turn weigh.
const MOST: usize = 32 * 1024 * 1024;

/// Bounded. Events that do not fit are dropped, and a reader that needs them gets an error.
#[derive(Debug)]
pub(super) struct Backlog<T> {
    items: VecDeque<T>,
    weight: usize,
    full: bool,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), weight: 0, full: false }
    }
}

impl<T> Backlog<T> {
    pub(super) fn push(&mut self, item: T, weight: usize) {
        if self.full {
            return;
        }
        if self.weight.saturating_add(weight) > MOST {
            self.clear();
            self.full = true;
            return;
        }
        self.weight += weight;
        self.items.push_back(item);
    }

    /// The oldest; an error where it had to be dropped.
    pub(super) fn pop(&mut self) -> Option<Result<T>> {
        if self.full {
            return Some(Err(Error::new(
                "stream_error",
                "result() has read more of this turn than is kept for a reader that comes after it; iterate first, or resume at `cursor`.",
            )));
        }
        let item = self.items.pop_front()?;
        if self.items.is_empty() {
            self.weight = 0;
        }
        Some(Ok(item))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.full
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_an_error_and_no_silence() {
        let mut backlog = Backlog::default();
        backlog.push(1, 10);
        backlog.push(2, 10);
        assert_eq!(backlog.pop().unwrap().unwrap(), 1);
        backlog.push(3, MOST);
        assert_eq!(backlog.pop().unwrap().unwrap_err().code(), "stream_error");
    }
}
