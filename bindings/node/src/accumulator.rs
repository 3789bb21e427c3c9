//! The fold of a turn, and the reading of one event.

use crate::failure::NativeFailure;
use napi::Either;
use napi_derive::napi;
use turnwire::{Error, Event, TurnAccumulator};
use turnwire_bridge::append_json;

/// Folds the events of one turn.
#[napi]
#[derive(Default)]
pub struct NativeAccumulator {
    turn: TurnAccumulator,
}

#[napi]
impl NativeAccumulator {
    /// No event yet.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event in; whether it told anything new.
    #[napi(catch_unwind)]
    pub fn push(&mut self, event: String) -> bool {
        Event::parse(&event, None).is_ok_and(|event| self.turn.push(&event))
    }

    /// The turn so far, as JSON.
    #[napi(catch_unwind)]
    pub fn turn(&self) -> String {
        serde_json::to_string(self.turn.turn()).unwrap_or_default()
    }
}

/// Reads one event; its JSON as this library writes it.
#[napi(catch_unwind)]
pub fn parse_event(json: String, name: Option<String>) -> Either<String, NativeFailure> {
    match Event::parse(&json, name.as_deref()) {
        Ok(event) => {
            let mut json = String::new();
            append_json(&mut json, &event);
            Either::A(json)
        }
        Err(cause) => {
            let error = Error::new("invalid_frame", "The event is no JSON object.").with_source(cause);
            Either::B(NativeFailure::from(&error))
        }
    }
}
