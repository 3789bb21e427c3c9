//! Every expectation is read against what the runtime itself had stored when the recording ended.

use crate::cases::{Case, cases, normalize, turns};
use crate::judged::JUDGED;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use turnwire::event::{Part, PartBody, PartState, TokenCounts};
use turnwire::{Message, Turn};

/// PROTOCOL STREAM-3, STREAM-9, EVENT-2.
#[test]
fn the_turns_of_every_capture_are_what_the_runtime_stored() {
    let mut wrong = Vec::new();
    let mut used = HashSet::new();
    for case in cases() {
        for difference in differences(&case, &turns(&normalize(&case.bytes))) {
            let judged = JUDGED.iter().position(|judged| judged.covers(&case.name, &difference));
            match judged {
                Some(at) => {
                    used.insert(at);
                }
                None => wrong.push(format!("{}: {difference}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "not what the runtime stored, and not judged:\n{}", wrong.join("\n"));
    let unused = JUDGED.iter().enumerate().filter(|(at, _)| !used.contains(at));
    let idle: Vec<_> = unused.map(|(_, judged)| format!("{:?}: {}", judged.cases, judged.why)).collect();
    assert!(idle.is_empty(), "judgements that no capture needs: {idle:?}");
}

/// Every way in which the turns are not what was stored, in words.
fn differences(case: &Case, turns: &[Turn]) -> Vec<String> {
    let stored = case.oracle.messages();
    let mut found = Vec::new();
    let mut told = BTreeSet::new();
    for turn in turns {
        for message in &turn.messages {
            told.insert(message.id.as_str());
            match stored.get(message.id.as_str()) {
                None => found.push(format!("message {} is not stored", message.id)),
                Some(stored) => {
                    same_message(message, stored, &mut found);
                    same_parent(message, case, &mut found);
                }
            }
        }
        same_usage(turn, case, &mut found);
        same_status(turn, case, &mut found);
        match stored.get(turn.user_message.id.as_str()) {
            None => found.push(format!("prompt {} is not stored", turn.user_message.id)),
            Some(stored) => same_prompt(turn, stored, &mut found),
        }
    }
    for (id, message) in &stored {
        if message["info"]["role"] == "assistant" && !told.contains(id) {
            found.push(format!("message {id} is not told"));
        }
    }
    found.sort();
    found
}

fn same_prompt(turn: &Turn, stored: &Value, found: &mut Vec<String>) {
    let said = stored["parts"].as_array().unwrap().iter().filter(|part| part["synthetic"] != true);
    let said: Vec<&str> = said.filter_map(|part| part["text"].as_str().or(part["url"].as_str())).collect();
    let told: Vec<Value> = turn.user_message.parts.iter().map(turnwire::Json::to_value).collect();
    let told: Vec<&str> = told.iter().filter_map(|part| part["text"].as_str().or(part["url"].as_str())).collect();
    if said != told {
        found.push(format!("prompt {}: told {told:?}, stored {said:?}", turn.user_message.id));
    }
}

/// A subagent's message stands under the tool part that names its session.
fn same_parent(message: &Message, case: &Case, found: &mut Vec<String>) {
    let stored = case.oracle.messages();
    let session = stored.get(message.id.as_str()).map(|stored| &stored["info"]["sessionID"]);
    let parts = stored.values().filter_map(|stored| stored["parts"].as_array()).flatten();
    let mut tools =
        parts.filter(|part| session.is_some_and(|session| part["state"]["metadata"]["sessionId"] == *session));
    let want = tools.next().and_then(|part| part["id"].as_str());
    if message.parent_part_id.as_ref().map(turnwire::PartId::as_str) != want {
        found.push(format!("message {}: under {:?}, stored under {want:?}", message.id, message.parent_part_id));
    }
}

fn same_message(message: &Message, stored: &Value, found: &mut Vec<String>) {
    let parts = stored["parts"].as_array().unwrap();
    let kept: Vec<&Part> = message.parts.iter().filter(|part| part.state != PartState::Discarded).collect();
    // Those told and stored, in the stored order.
    let told_order: Vec<&str> = kept
        .iter()
        .filter(|part| !is_of_tool(part))
        .map(|part| part.id.as_str())
        .filter(|id| !id.starts_with("todo_"))
        .collect();
    let stored_order: Vec<&str> =
        parts.iter().map(|part| part["id"].as_str().unwrap()).filter(|id| told_order.contains(id)).collect();
    if told_order != stored_order {
        found.push(format!("message {}: parts in the order {told_order:?}, stored {stored_order:?}", message.id));
    }
    for part in &message.parts {
        if part.id.as_str().starts_with("todo_") || is_of_tool(part) {
            continue;
        }
        match parts.iter().find(|stored| stored["id"] == part.id.as_str()) {
            None => found.push(format!("part {} is not stored", part.id)),
            Some(stored) => same_part(part, stored, found),
        }
    }
    for stored in parts {
        same_files(message, stored, found);
        let silent = matches!(
            stored["type"].as_str().unwrap(),
            "step-start" | "step-finish" | "snapshot" | "compaction" | "retry"
        );
        let empty = matches!(stored["type"].as_str().unwrap(), "text" | "reasoning") && stored["text"] == "";
        if !silent && !empty && !message.parts.iter().any(|part| stored["id"] == part.id.as_str()) {
            found.push(format!("part {} is not told", stored["id"]));
        }
    }
}

fn is_of_tool(part: &Part) -> bool {
    matches!(&part.body, PartBody::File(file) if file.tool_part_id.is_some())
}

/// What a tool gave back beside its output is told as files after it.
fn same_files(message: &Message, tool: &Value, found: &mut Vec<String>) {
    let id = tool["id"].as_str().unwrap();
    let at = message.parts.iter().position(|part| part.id == id).map_or(0, |at| at + 1);
    let told: Vec<(&str, &str)> = message.parts[at..]
        .iter()
        .filter_map(|part| match &part.body {
            PartBody::File(file) if file.tool_part_id.as_ref().is_some_and(|tool| tool == id) => {
                Some((part.id.as_str(), file.url.as_str()))
            }
            _ => None,
        })
        .collect();
    let stored = tool["state"]["attachments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stored: Vec<(&str, &str)> =
        stored.iter().map(|file| (file["id"].as_str().unwrap(), file["url"].as_str().unwrap())).collect();
    if told != stored {
        found.push(format!("part {id}: files told {told:?}, stored {stored:?}"));
    }
}

fn same_part(part: &Part, stored: &Value, found: &mut Vec<String>) {
    let id = &part.id;
    if stored["type"] != part.part_type().as_str() {
        found.push(format!("part {id}: told as {}, stored as {}", part.part_type(), stored["type"]));
    }
    match &part.body {
        PartBody::Text(text) | PartBody::Reasoning(text) => {
            let have = if part.state == PartState::Discarded { "" } else { text.text.as_str() };
            if stored["text"] != have {
                found.push(format!("part {id} ({}): told {have:?}, stored {}", part.state, stored["text"]));
            }
        }
        PartBody::Tool(tool) => {
            let state = &stored["state"];
            let status = match part.state {
                PartState::Done => "completed",
                PartState::Error => "error",
                _ => "open",
            };
            if state["status"] != status {
                found.push(format!("part {id}: told {status}, stored {}", state["status"]));
            }
            for (what, have, want) in [
                ("tool", Some(tool.tool.as_str()), stored["tool"].as_str()),
                ("callId", Some(tool.call_id.as_str()), stored["callID"].as_str()),
                ("title", tool.title.as_deref(), state["title"].as_str().filter(|title| !title.is_empty())),
                ("error", tool.error.as_ref().map(|error| error.message.as_str()), state["error"].as_str()),
            ] {
                if have != want {
                    found.push(format!("part {id}: {what} told {have:?}, stored {want:?}"));
                }
            }
            if status == "completed" && tool.output.as_deref() != state["output"].as_str() {
                found.push(format!("part {id}: its output is not the stored one"));
            }
            if tool.input.to_value() != state["input"] {
                found.push(format!("part {id}: input told {:?}, stored {}", tool.input, state["input"]));
            }
        }
        PartBody::Patch(patch) => {
            let files: Vec<&str> = stored["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            if patch.files != files {
                found.push(format!("part {id}: files told {:?}, stored {files:?}", patch.files));
            }
        }
        _ => {}
    }
}

fn counts(info: &Value) -> TokenCounts {
    let tokens = &info["tokens"];
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let mut counts = TokenCounts::new();
    counts.input_tokens = count(&tokens["input"]);
    counts.output_tokens = count(&tokens["output"]);
    counts.reasoning_tokens = count(&tokens["reasoning"]);
    counts.cache_read_tokens = count(&tokens["cache"]["read"]);
    counts.cache_write_tokens = count(&tokens["cache"]["write"]);
    // Written as text and moved by six places, so that nothing is shared with the code under test.
    counts.cost_micros = info["cost"].as_f64().map(|cost| format!("{cost:.6}").replace('.', "").parse().unwrap());
    counts.total_tokens = counts.input_tokens
        + counts.output_tokens
        + counts.reasoning_tokens
        + counts.cache_read_tokens
        + counts.cache_write_tokens;
    counts
}

/// The sums over the stored messages: the root session's at the top, all of them in `summary`.
fn same_usage(turn: &Turn, case: &Case, found: &mut Vec<String>) {
    let stored = case.oracle.messages();
    let (mut root, mut all) = (TokenCounts::default(), TokenCounts::default());
    for message in &turn.messages {
        let Some(stored) = stored.get(message.id.as_str()) else { continue };
        let counts = counts(&stored["info"]);
        all += counts;
        if stored["info"]["sessionID"] == turn.chat_id.as_str() {
            root += counts;
        }
    }
    if turn.usage.counts != root || turn.usage.summary != all {
        found.push(format!(
            "turn {}: usage told {:?} and {:?}, stored {root:?} and {all:?}",
            turn.id, turn.usage.counts, turn.usage.summary
        ));
    }
}

/// The status, by the last stored message that answers the turn.
fn same_status(turn: &Turn, case: &Case, found: &mut Vec<String>) {
    let stored = case.oracle.messages();
    let last = turn.messages.iter().rev().find(|message| message.parent_part_id.is_none());
    let Some(last) = last.and_then(|last| stored.get(last.id.as_str())) else {
        return found.push(format!("turn {}: {} without a message", turn.id, turn.status));
    };
    let info = &last["info"];
    let refused = last["parts"].as_array().unwrap().iter().any(|part| {
        let error = part["state"]["error"].as_str().unwrap_or_default();
        error.contains("rejected permission") || error.contains("dismissed this question")
    });
    let want = match (info["error"]["name"].as_str(), info["finish"].as_str()) {
        (Some("MessageAbortedError"), _) => "cancelled",
        (Some(_), _) | (None, Some("content-filter")) => "failed",
        (None, Some("tool-calls")) if refused => "blocked",
        (None, Some(_)) => "completed",
        (None, None) if info["time"]["completed"].is_number() => "cancelled",
        (None, None) => "interrupted",
    };
    if turn.status != want {
        found.push(format!("turn {}: {}, by what is stored {want}", turn.id, turn.status));
    }
}
