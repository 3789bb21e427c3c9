//! Clocks and signals beside a stream: looked at when they ring, and not at every event.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use tokio::time::{Instant, Sleep};

/// A future that is polled only after it woke its task.
///
/// To poll a timer or a cancellation that is not due takes locks and registers a waker anew. A stream would do both at
/// every event; here it looks at a flag instead.
pub(super) struct Quiet<F> {
    future: Pin<Box<F>>,
    ring: Arc<Ring>,
    /// `ring` as the future sees it.
    waker: Waker,
    /// The task that is woken.
    task: Waker,
}

struct Ring {
    /// The future is to be polled.
    rung: AtomicBool,
    /// Locked when the future rings, or moves to another task.
    task: Mutex<Waker>,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        // Before the task is woken: it looks here.
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.wake();
    }
}

impl<F: Future> Quiet<F> {
    pub(super) fn new(future: F) -> Self {
        let task = Waker::noop();
        let ring = Arc::new(Ring { rung: AtomicBool::new(true), task: Mutex::new(task.clone()) });
        Self { future: Box::pin(future), waker: ring.clone().into(), ring, task: task.clone() }
    }

    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<F::Output> {
        let moved = !self.task.will_wake(cx.waker());
        if moved {
            self.task.clone_from(cx.waker());
            self.ring.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
        } else if !self.ring.rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Before the future is polled, as it may ring again at once. A ring that still went to the former task is not
        // missed: the future is polled after the move.
        self.ring.rung.store(false, Ordering::Release);
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

impl Quiet<Sleep> {
    /// Has the clock ring at another time.
    pub(super) fn reset(&mut self, at: Instant) {
        self.future.as_mut().reset(at);
        self.ring.rung.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_when_it_rings_and_wakes_the_task_it_moved_to() {
        let (send, mut arrival) = oneshot::channel::<u8>();
        let polls = AtomicUsize::new(0);
        let mut quiet = Quiet::new(std::future::poll_fn(|cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut arrival).poll(cx)
        }));
        let (first, second) = (Arc::new(Task::default()), Arc::new(Task::default()));
        let (at_first, at_second) = (first.clone().into(), second.clone().into());
        for _ in 0..5 {
            assert!(quiet.poll(&Context::from_waker(&at_first)).is_pending());
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1, "polled though it did not ring");
        for _ in 0..5 {
            assert!(quiet.poll(&Context::from_waker(&at_second)).is_pending());
        }
        assert_eq!(send.send(7), Ok(()));
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
        assert_eq!(quiet.poll(&Context::from_waker(&at_second)), Poll::Ready(Ok(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_anew_rings_at_its_new_time() {
        let start = Instant::now();
        let mut clock = Quiet::new(tokio::time::sleep(Duration::from_secs(1)));
        assert!(clock.poll(&Context::from_waker(&noop_waker())).is_pending());
        clock.reset(start + Duration::from_secs(5));
        std::future::poll_fn(|cx| clock.poll(cx)).await;
        assert!(start.elapsed() >= Duration::from_secs(5));
    }
}
