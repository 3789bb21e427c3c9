//! Every case of `tests/conformance/odd-events.json`: one odd field costs none of the others.
#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::Path;
use turnwire::event::Ids;
use turnwire::{Event, EventKind, TurnAccumulator};
use turnwire_testkit::conformance::difference;

#[derive(Deserialize)]
struct Case<'a> {
    says: String,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    /// What must be found in the turn; what is not named is not looked at.
    turn: Value,
}

/// PROTOCOL VAL-1, VAL-3, VAL-4, FOLD-3, FOLD-4, FOLD-6, VER-5.
#[test]
fn one_odd_field_costs_none_of_the_others() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/odd-events.json");
    let text = std::fs::read_to_string(file).unwrap();
    for case in serde_json::from_str::<Vec<Case<'_>>>(&text).unwrap() {
        let (mut ids, mut fold) = (Ids::default(), TurnAccumulator::new());
        for event in &case.events {
            // What no reader of JSON would keep stands in the file as a text.
            let text: Option<String> = serde_json::from_str(event.get()).ok();
            let event = Event::parse_among(&mut ids, text.as_deref().unwrap_or(event.get()), None).unwrap();
            assert!(!matches!(event.kind, EventKind::Unknown(_)), "{}: {event:?}", case.says);
            // What is passed on reads as the same.
            let again = Event::parse(&event.to_json(), None).unwrap();
            assert_eq!(again.kind, event.kind, "{}", case.says);
            fold.push(&event);
        }
        let turn = serde_json::to_string(fold.turn()).unwrap();
        let found = serde_json::from_str(&turn).unwrap();
        assert_eq!(difference(&case.turn, &found, "turn"), None, "{}", case.says);
        let read: turnwire::Turn = serde_json::from_str(&turn).unwrap();
        assert_eq!(&read, fold.turn(), "{}", case.says);
    }
}
