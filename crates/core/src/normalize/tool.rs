//! A tool part: pending, running, done or error, emitted at every change that matters.

use super::emitter::PartEmitter;
use crate::event::{Part, PartBody, PartState, ToolError, ToolPart};
use crate::id::PartId;
use crate::json::Json;
use crate::lax::{Number, Raw};
use crate::opencode::{PartInfo, Times};
use crate::repair;
use crate::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The last bytes of a running tool's output that are emitted: `OpenCode` sends all of it each time it grows.
const RUNNING_OUTPUT: usize = 8 * 1024;

/// The first changes of a running tool's output are all emitted, later ones only every eighth: by count, never by clock, so that
/// the same log gives the same events.
const EVERY_CHANGE: u32 = 16;
const THEN_EVERY: u32 = 8;

/// A tool part of the open turn.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) id: PartId,
    /// As the runtime last had it.
    now: ToolPart,
    state: PartState,
    /// How often only the output of it changed.
    changes: u32,
    /// The session of the subagent it runs, where the tool says so.
    pub(super) child: Option<Box<str>>,
    /// Emitted at least once.
    emitted: bool,
}

/// Why a tool that ended in an error did.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blame {
    /// The tool itself.
    Tool,
    /// The question or permission was refused.
    Refused,
    /// The turn was stopped.
    Cancelled,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    output: crate::lax::Text<'a>,
    #[serde(borrow, rename = "sessionId")]
    session_id: crate::lax::Text<'a>,
}

impl Tool {
    pub(super) fn new(id: PartId) -> Self {
        let now = ToolPart::new("", "", Json::empty_object());
        Self { id, now, state: PartState::Pending, changes: 0, child: None, emitted: false }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.is_open()
    }

    pub(super) fn call_id(&self) -> &str {
        &self.now.call_id
    }

    pub(super) fn name(&self) -> &str {
        &self.now.tool
    }

    pub(super) fn input(&self) -> &Json {
        &self.now.input
    }

    /// The part as the runtime has it now.
    pub(super) fn update(&mut self, info: &PartInfo<'_>, blame: Blame, part_emitter: &mut PartEmitter<'_>) {
        let Some(raw) = &info.state.0 else { return };
        let state = match raw.status.or_empty() {
            "pending" => PartState::Pending,
            "completed" => PartState::Done,
            "error" => PartState::Error,
            _ => PartState::Running,
        };
        // A state from before is a replay.
        if rank(&state) < rank(&self.state) {
            return;
        }
        let metadata: Metadata<'_> = crate::opencode::read(raw.metadata).unwrap_or_default();
        if let Some(child) = metadata.session_id.filled() {
            self.child = Some(Box::from(child));
        }
        let so_far = metadata.output.get();
        let output = match state {
            PartState::Done => raw.output.get().or(so_far).map(str::to_owned),
            _ => so_far.filter(|output| !output.is_empty()).map(|output| tail(output).to_owned()),
        };
        let times: Times = raw.time.0.unwrap_or_default();
        let next = ToolPart {
            call_id: info.call_id.filled().unwrap_or(&self.now.call_id).to_owned(),
            tool: info.tool.filled().unwrap_or(&self.now.tool).to_owned(),
            input: raw.input.map_or_else(|| self.now.input.clone(), json),
            output,
            error: (state == PartState::Error).then(|| error(raw.error.get(), blame)),
            title: raw.title.filled().map(str::to_owned),
            metadata: without_output(raw.metadata),
            started_at: at(times.start).or(self.now.started_at),
            completed_at: at(times.end),
        };
        if self.emitted && state == self.state && next == self.now {
            return;
        }
        let only_output = self.emitted
            && state == self.state
            && ToolPart { output: self.now.output.clone(), ..next.clone() } == self.now;
        self.now = next;
        self.state = state;
        if only_output && self.is_open() {
            self.changes += 1;
            if self.changes > EVERY_CHANGE && !self.changes.is_multiple_of(THEN_EVERY) {
                return;
            }
        }
        self.emit(part_emitter);
    }

    /// The turn ends and the tool has not.
    pub(super) fn close(&mut self, error: ToolError, part_emitter: &mut PartEmitter<'_>) {
        if self.is_open() {
            self.state = PartState::Error;
            self.now.error = Some(error);
            self.emit(part_emitter);
        }
    }

    fn emit(&mut self, part_emitter: &mut PartEmitter<'_>) {
        self.emitted = true;
        let body = PartBody::Tool(Box::new(self.now.clone()));
        part_emitter.part(Part { id: self.id.clone(), body, state: self.state.clone() });
    }
}

fn rank(state: &PartState) -> u8 {
    match state {
        PartState::Pending => 0,
        PartState::Running => 1,
        _ => 2,
    }
}

fn error(message: Option<&str>, blame: Blame) -> ToolError {
    let code = match blame {
        Blame::Tool => "tool_error",
        Blame::Refused => "rejected",
        Blame::Cancelled => "cancelled",
    };
    ToolError { code: code.to_owned(), message: message.unwrap_or("The tool failed.").to_owned() }
}

/// A time, if it is one.
pub(super) fn at(time: Number) -> Option<Timestamp> {
    time.count().filter(|ms| *ms > 0).map(Timestamp::from_millis)
}

/// Raw JSON to pass on. Strict readers choke on halves of surrogate pairs, so these are repaired.
pub(super) fn json(raw: &RawValue) -> Json {
    if repair::suspicious(raw.get().as_bytes())
        && let Some(json) = Json::parse(&repair::repair(raw.get().as_bytes()))
    {
        return json;
    }
    Json::from(raw)
}

/// The last bytes of a long output.
fn tail(output: &str) -> &str {
    let mut from = output.len().saturating_sub(RUNNING_OUTPUT);
    while !output.is_char_boundary(from) {
        from += 1;
    }
    &output[from..]
}

/// The metadata without the copy of the output that many tools keep in it; nothing if nothing else is left.
fn without_output(raw: Raw<'_>) -> Option<Json> {
    let raw = raw?;
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(raw.get()) else {
        return (raw.get() != "null").then(|| json(raw));
    };
    if !fields.0.iter().any(|(name, _)| name == "output") {
        return (!fields.0.is_empty()).then(|| json(raw));
    }
    let mut text = String::from("{");
    for (name, value) in fields.0.iter().filter(|(name, _)| name != "output") {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(name).unwrap_or_default());
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    let kept = serde_json::from_str::<&RawValue>(&text).ok()?;
    (text.len() > 2).then(|| json(kept))
}

/// The fields of an object, in their order.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::{tail, without_output};
    use serde_json::value::RawValue;

    #[test]
    fn the_copy_of_the_output_is_taken_out_of_the_metadata() {
        let rest = |json: &str| {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            without_output(Some(&raw)).map(|json| json.get().to_owned())
        };
        assert_eq!(rest(r#"{"output":"x","exit":0}"#).as_deref(), Some(r#"{"exit":0}"#));
        assert_eq!(rest(r#"{"output":"x"}"#), None);
        assert_eq!(rest("{}"), None);
        assert_eq!(rest(r#"{"a":"\ud83d"}"#).as_deref(), Some(r#"{"a":"\ufffd"}"#));
        assert_eq!(rest("[1]").as_deref(), Some("[1]"));
    }

    #[test]
    fn of_a_long_output_the_end_is_emitted() {
        let long = "ü".repeat(8 * 1024);
        assert_eq!(tail(&long).len(), 8 * 1024);
        assert_eq!(tail("short"), "short");
    }
}
