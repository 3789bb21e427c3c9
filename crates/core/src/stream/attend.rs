//! Waiting for a turn's end beside whoever reads it, and for what the agent asks on the way.

use super::batch::Batch;
use super::pump::Pump;
use super::state::StreamState;
use super::turn::TurnStream;
use crate::error::Result;
use crate::event::InputRequest;
use crate::policy::attendance::Duty;
use crate::turn::Turn;
use std::sync::Arc;

/// Where [`Pump::attend`] stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum Attended {
    /// The stream has ended: see [`Pump::outcome`].
    Ended,
    /// A handler has to answer this, and to come back.
    Asked(InputRequest),
    /// This became of the connection; come back.
    States(Vec<StreamState>),
}

enum Look {
    Nothing,
    Met,
    States(Vec<StreamState>),
    Ended,
}

impl Pump<TurnStream> {
    /// Reads on to the end, or to what a handler has to answer. It takes nothing away: what it reads is kept, within
    /// bounds, for whoever iterates after it or beside it.
    ///
    /// # Errors
    /// What the stream ends with; [`ErrorKind::InputRequired`](crate::ErrorKind::InputRequired) where nobody is there to
    /// answer what the agent asks.
    pub async fn attend(&self) -> Result<Attended> {
        loop {
            let changed = self.shared.ready_async.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.look() {
                Look::States(states) => return Ok(Attended::States(states)),
                Look::Met => continue,
                Look::Ended => return Ok(Attended::Ended),
                Look::Nothing => {}
            }
            {
                let source = self.shared.source();
                match source.handle().attend(&source.snapshot().requests, source.policies) {
                    Duty::Ask(request) => return Ok(Attended::Asked(request)),
                    Duty::InputRequired => return Err(source.required()),
                    Duty::ReadOn => {}
                }
            }
            changed.await;
        }
    }

    fn look(&self) -> Look {
        let mut queue = self.shared.queue();
        let Some(mut batch) = queue.batches.pop_front() else {
            return if queue.ended { Look::Ended } else { Look::Nothing };
        };
        let states = Arc::get_mut(&mut batch).map(|batch| std::mem::take(&mut batch.states)).unwrap_or_default();
        let weight = batch.events.iter().map(super::result::weight).sum::<usize>() + size_of::<Batch>();
        queue.kept.push(batch, weight);
        self.shared.announce(queue);
        self.shared.room.notify_one();
        if states.is_empty() { Look::Met } else { Look::States(states) }
    }

    /// Cancels the turn of a caller that has failed, where its closing is to cancel it.
    pub fn abandon(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut source = self.shared.source();
        let handle = source.gives_up().then(|| source.handle());
        async move {
            if let Some(handle) = handle {
                handle.abandon().await;
            }
        }
    }

    /// Reads to the end and gives the ended turn, as [`TurnStream::result`] does.
    pub async fn result(&self) -> Result<Turn> {
        while !matches!(self.attend().await?, Attended::Ended) {}
        self.outcome()
    }
}
