//! An event of a turn in the form that readers get, rendered once and shared by all of them.

use super::frame::{Data, of_relay, of_turn};
use crate::metrics::Metrics;
use bytes::Bytes;
use std::sync::OnceLock;
use turnwire::Event;

/// The streams of turn events, each with its own frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// One turn's: numbered in the turn, under the event's type.
    Turn,
    /// The relay's, of all turns: numbered as the log.
    Relay,
}

/// An event of a turn with its frames, each rendered for the first reader that needs it and shared by all that do.
#[derive(Debug)]
pub(crate) struct TurnEvent {
    pub(crate) event: Event,
    /// The number of the raw event that produced it, if this is the last event that it produced: a reader that disconnects before
    /// it receives all of them again.
    number: Option<u64>,
    frames: [OnceLock<Bytes>; 4],
}

impl TurnEvent {
    pub(crate) fn new(event: Event, number: Option<u64>) -> Self {
        Self { event, number, frames: Default::default() }
    }

    /// Its frame in such a stream, in this form.
    pub(crate) fn frame(&self, stream: Stream, data: Data, metrics: &Metrics) -> Bytes {
        let form = match (stream, data) {
            (Stream::Turn, Data::Json) => 0,
            (Stream::Turn, Data::Text) => 1,
            (Stream::Relay, Data::Json) => 2,
            (Stream::Relay, Data::Text) => 3,
        };
        let render = || {
            metrics.turn_frame();
            let json = self.event.to_json();
            match stream {
                Stream::Turn => of_turn(self.event.seq, self.event.event_type(), &json, data),
                Stream::Relay => of_relay(self.number, &json, data),
            }
        };
        self.frames[form].get_or_init(render).clone()
    }
}
