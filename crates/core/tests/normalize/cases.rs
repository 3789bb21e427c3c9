//! The recorded streams of `tests/conformance/normalize`, and what the runtime had stored when they ended.

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use turnwire::normalize::Capture;
use turnwire::{Event, Normalizer, Turn, TurnAccumulator};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/normalize")
}

/// A recorded stream.
pub(crate) struct Case {
    /// `1.18.33/plain`, `1.18.33/sub.global`; with `+after`, the stream and the one after a restart in one log.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// What the runtime had stored.
    pub(crate) oracle: Oracle,
}

#[derive(Deserialize)]
pub(crate) struct Oracle {
    pub(crate) sessions: BTreeMap<String, StoredSession>,
}

#[derive(Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) final_messages: Value,
}

impl Oracle {
    /// Every stored message, by its id.
    pub(crate) fn messages(&self) -> HashMap<&str, &Value> {
        let lists = self.sessions.values().filter_map(|session| session.final_messages.as_array());
        lists.flatten().filter_map(|message| Some((message["info"]["id"].as_str()?, message))).collect()
    }
}

impl Case {
    pub(crate) fn version(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    /// Whether its events have ids, so that one told twice is known.
    pub(crate) fn has_event_ids(&self) -> bool {
        !matches!(self.version(), "1.0.185" | "1.1.65" | "1.3.2")
    }

    /// The raw events, one JSON each.
    pub(crate) fn raw_events(&self) -> Vec<Vec<u8>> {
        let mut events = Vec::new();
        turnwire::sse::Decoder::new().feed(&self.bytes, |frame| events.push(frame.data.to_vec())).unwrap();
        events
    }
}

/// Every recorded stream but the one of another protocol.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for version in sorted(&folder()) {
        if !version.is_dir() {
            continue;
        }
        for path in sorted(&version).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "sse")) {
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if stem.split('.').nth(1) == Some("api") {
                continue;
            }
            let scenario = stem.split('.').next().unwrap();
            let read_oracle = || {
                let json = fs::read(version.join(format!("{scenario}.oracle.json"))).unwrap();
                serde_json::from_slice::<Oracle>(&json).unwrap()
            };
            let name = format!("{}/{stem}", version.file_name().unwrap().to_str().unwrap());
            let bytes = fs::read(&path).unwrap();
            if let Some(before) = name.strip_suffix(".after") {
                let mut both = fs::read(version.join(format!("{scenario}.sse"))).unwrap();
                both.extend_from_slice(&bytes);
                cases.push(Case { name: format!("{before}+after"), bytes: both, oracle: read_oracle() });
            }
            cases.push(Case { name, bytes, oracle: read_oracle() });
        }
    }
    assert!(cases.len() > 200, "the recorded streams are there: {}", cases.len());
    cases
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The events of a recording.
pub(crate) fn normalize(bytes: &[u8]) -> Vec<Event> {
    let mut capture = Capture::new(Normalizer::new());
    let mut events = Vec::new();
    capture.feed(bytes, &mut events).unwrap();
    capture.finish(&mut events);
    events
}

/// The events of raw events.
pub(crate) fn push_all<'a>(raw: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut normalizer = Normalizer::new();
    let mut events = Vec::new();
    for raw in raw {
        normalizer.push(raw, &mut events);
    }
    normalizer.finish(&mut events);
    events
}

/// The turns the events make, in the order they began.
pub(crate) fn turns(events: &[Event]) -> Vec<Turn> {
    let mut order = Vec::new();
    let mut folds: HashMap<&str, TurnAccumulator> = HashMap::new();
    for event in events {
        let id = event.turn_id.as_str();
        let fold = folds.entry(id).or_insert_with(|| {
            order.push(id);
            TurnAccumulator::new()
        });
        assert!(fold.push(event), "an event tells nothing new: {}", event.to_json());
    }
    order.into_iter().map(|id| folds.remove(id).unwrap().into_turn()).collect()
}

pub(crate) fn lines(events: &[Event]) -> String {
    events.iter().map(|event| event.to_json() + "\n").collect()
}
