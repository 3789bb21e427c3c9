//! Reading raw events.
#![allow(dead_code, unreachable_pub, reason = "each test program uses some of this")]

use serde_json::Value;
use std::time::Duration;

/// Nothing here takes a tenth of it; a test that hangs says where.
pub const LONG: Duration = Duration::from_secs(30);

/// What an event is about, without ids, times and texts, or nothing for those that `OpenCode` sends at its leisure.
pub fn shape(event: &Value) -> Option<String> {
    let properties = &event["properties"];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let kind = text(&event["type"]);
    let rest = match kind.as_str() {
        "message.updated" => {
            let info = &properties["info"];
            if info["summary"].is_object() {
                return None;
            }
            let ended = if info["time"]["completed"].is_u64() { "ended" } else { "open" };
            format!("{} {} {ended} {}", text(&info["role"]), text(&info["finish"]), text(&info["error"]["name"]))
        }
        "message.part.updated" => {
            let part = &properties["part"];
            let state = match part["type"].as_str() {
                Some("text" | "reasoning") => {
                    let ended = if part["time"]["end"].is_u64() { "ended" } else { "open" };
                    format!("{ended} {:?}", text(&part["text"]))
                }
                Some("tool") => format!("{} {}", text(&part["tool"]), text(&part["state"]["status"])),
                Some("step-finish") => format!("{} {} {}", text(&part["reason"]), part["tokens"], part["cost"]),
                _ => String::new(),
            };
            format!("{} {state}", text(&part["type"]))
        }
        "message.part.delta" => format!("{:?}", text(&properties["delta"])),
        "session.status" => text(&properties["status"]["type"]),
        "session.error" => text(&properties["error"]["name"]),
        "question.asked" => properties["questions"].to_string(),
        "question.replied" => properties["answers"].to_string(),
        "question.rejected" | "session.created" | "session.idle" => String::new(),
        _ => return None,
    };
    Some(format!("{kind} {rest}").trim_end().to_owned())
}

/// The shapes of events, each once where it repeats (a running tool tells its output as often as it likes).
pub fn shapes(events: &[Value]) -> Vec<String> {
    let mut shapes: Vec<_> = events.iter().filter_map(shape).collect();
    shapes.dedup();
    shapes
}
