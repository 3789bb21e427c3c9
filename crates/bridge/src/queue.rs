//! The queue of items that were read but not yet taken.

use crate::batch::{Batch, Item};
use std::collections::VecDeque;
use std::task::Waker;
use turnwire::Error;

/// How much is read ahead of a reader, in bytes. Further data waits in the socket.
pub(crate) const AHEAD: usize = 1024 * 1024;
/// The maximum size of the events that a result keeps while it reads to the end, in bytes: about those of a very long turn.
pub(crate) const KEPT: usize = 32 * 1024 * 1024;
/// Items of one batch.
const BATCH: usize = 1024;

/// Batches in order. Items are added to the waiting batch, unless it is full or a state change is in between.
#[derive(Debug)]
pub(crate) struct Queue<I> {
    batches: VecDeque<Batch<I>>,
    weight: usize,
    /// More was read than can be kept.
    lost: bool,
    /// Nothing more will be read.
    pub(crate) ended: bool,
    /// The reader that found nothing.
    waker: Option<Waker>,
}

impl<I: Item> Queue<I> {
    pub(crate) fn new() -> Self {
        Self { batches: VecDeque::new(), weight: 0, lost: false, ended: false, waker: None }
    }

    /// Adds a batch, draining its items so that their allocation is reused.
    pub(crate) fn push(&mut self, batch: &mut Batch<I>) {
        if self.lost {
            batch.items.clear();
            return;
        }
        self.weight += batch.items.iter().map(Item::weight).sum::<usize>();
        if self.weight > KEPT + AHEAD {
            *self = Self { lost: true, waker: self.waker.take(), ..Self::new() };
            batch.items.clear();
            return;
        }
        match self.batches.back_mut() {
            Some(last) if batch.states.is_empty() && last.error.is_none() && last.items.len() < BATCH => {
                last.items.append(&mut batch.items);
                last.error = batch.error.take();
            }
            _ => {
                let mut next = Batch { states: std::mem::take(&mut batch.states), ..Batch::default() };
                next.items.append(&mut batch.items);
                next.error = batch.error.take();
                self.batches.push_back(next);
            }
        }
    }

    /// The oldest batch. Where something was lost before it, a batch that says so, and nothing after it.
    pub(crate) fn pop(&mut self) -> Option<Batch<I>> {
        if self.lost {
            *self = Self { ended: true, ..Self::new() };
            let error = Error::new(
                "stream_error",
                "result() has read more of this turn than is kept for a reader that comes after it; iterate first, or resume at `cursor`.",
            );
            return Some(Batch { error: Some(error), ..Batch::default() });
        }
        let batch = self.batches.pop_front()?;
        self.weight = self.weight.saturating_sub(batch.items.iter().map(Item::weight).sum());
        Some(batch)
    }

    /// Puts back items that a reader has taken but not used.
    pub(crate) fn put_back(&mut self, batch: Batch<I>) {
        self.weight += batch.items.iter().map(Item::weight).sum::<usize>();
        self.batches.push_front(batch);
    }

    /// What became of the connection and nobody was told yet.
    pub(crate) fn take_states(&mut self) -> Vec<turnwire::stream::StreamState> {
        self.batches.iter_mut().flat_map(|batch| std::mem::take(&mut batch.states)).collect()
    }

    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.weight >= most && !self.lost
    }

    /// Stores the waker for the next change.
    pub(crate) fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(crate) fn waiting(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Throws away what was read.
    pub(crate) fn clear(&mut self) {
        *self = Self { ended: self.ended, waker: self.waker.take(), ..Self::new() };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use turnwire::stream::{RelayItem, StreamState};

    fn items(count: u64) -> Batch<RelayItem> {
        Batch { items: (0..count).map(|head| RelayItem::Reset { head }).collect(), ..Batch::default() }
    }

    #[test]
    fn what_waits_is_taken_at_once_and_in_its_order() {
        let mut queue = Queue::new();
        for _ in 0..3 {
            queue.push(&mut items(2));
        }
        queue.push(&mut Batch { states: vec![StreamState::Resumed], ..items(1) });
        queue.push(&mut Batch { error: Some(Error::new("stream_error", "It broke.")), ..items(1) });
        assert_eq!(queue.pop().unwrap().items.len(), 6);
        let last = queue.pop().unwrap();
        assert_eq!((last.states.len(), last.items.len(), last.error.is_some()), (1, 2, true));
        assert!(queue.pop().is_none());
    }

    #[test]
    fn what_is_not_kept_is_an_error_and_no_silence() {
        let mut queue = Queue::new();
        let many = u64::try_from((KEPT + AHEAD) / 64 + 1).unwrap();
        queue.push(&mut items(1));
        queue.push(&mut items(many));
        queue.push(&mut items(1));
        assert_eq!(queue.pop().unwrap().error.unwrap().code(), "stream_error");
        assert!(queue.pop().is_none() && queue.ended);
    }
}
