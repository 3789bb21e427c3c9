//! Parts: what grows, what is replaced, and what is of a form nobody expects.

use crate::cases::turns;
use crate::log::{Log, ROOT};
use crate::rules;
use crate::scenarios::{begun, only};
use serde_json::json;
use turnwire::Normalizer;
use turnwire::event::{EventKind, PartBody, PartState};

/// PROTOCOL EVENT-4.
#[test]
fn a_todo_list_is_told_with_the_tool_that_writes_it() {
    let todos =
        |status: &str| json!({"sessionID": ROOT, "todos": [{"content": "c", "status": status, "priority": "low"}]});
    let mut log = begun();
    log.push("todo.updated", todos("pending"));
    log.tool("msg_a", "prt_1", "todowrite", json!({"status": "pending", "input": {}}));
    log.push("todo.updated", todos("pending")).push("todo.updated", todos("completed"));
    log.tool("msg_a", "prt_1", "todowrite", json!({"status": "completed", "input": {}, "output": ""}));
    log.done("msg_a", "msg_u", "stop").busy().idle();
    let turn = only(&log);
    let part = &turn.messages[0].parts[1];
    assert_eq!((part.id.as_str(), part.state.as_str()), ("todo_1", "done"));
    let PartBody::Todo(todo) = &part.body else { panic!() };
    assert_eq!(todo.items[0].status, "completed");
}

#[test]
fn a_character_whose_halves_come_apart_is_joined() {
    let raw = |at: usize, delta: &str| {
        let event = json!({"id": format!("evt_{at}_half"), "type": "message.part.delta", "properties": {
            "sessionID": ROOT, "messageID": "msg_a", "partID": "prt_t", "field": "text", "delta": "DELTA"}});
        event.to_string().replace("DELTA", delta).into_bytes()
    };
    let mut log = begun();
    log.text("msg_a", "prt_t", &[]);
    let mut normalizer = Normalizer::new();
    let mut told = log.told_by(&mut normalizer);
    for (at, delta) in ["a\\ud83d", "\\ude80b", "\\ud83d", "c", "\\ude80", "\\ud83d"].into_iter().enumerate() {
        normalizer.push(&raw(at, delta), &mut told);
    }
    normalizer.finish(&mut told);
    rules::check(&told).unwrap();
    assert_eq!(turns(&told)[0].text(), "a🚀b\u{fffd}c\u{fffd}\u{fffd}");
}

#[test]
fn a_replay_of_what_a_tool_was_before_tells_nothing() {
    let mut log = begun();
    log.with_ids = false;
    let states = [
        json!({"status": "pending", "input": {}}),
        json!({"status": "running", "input": {}, "metadata": {"output": "o"}}),
        json!({"status": "completed", "input": {}, "output": "ok"}),
    ];
    for state in &states {
        log.tool("msg_a", "prt_1", "bash", state.clone());
    }
    let once = log.told().len();
    for state in &states {
        log.tool("msg_a", "prt_1", "bash", state.clone());
    }
    assert_eq!(log.told().len(), once);
    log.done("msg_a", "msg_u", "stop").busy().idle();
    assert_eq!(only(&log).messages[0].parts[0].state, PartState::Done);
}

#[test]
fn half_a_character_in_a_tools_output_costs_only_itself() {
    let mut log = begun();
    let state = json!({"status": "running", "input": {"k": "HALF"}, "metadata": {"output": "HALF tail", "n": "HALF"}});
    log.tool("msg_a", "prt_1", "bash", state);
    let mut normalizer = Normalizer::new();
    let mut told = Vec::new();
    for raw in log.raw() {
        let raw = String::from_utf8(raw).unwrap().replace("HALF", "\\ude80");
        normalizer.push(raw.as_bytes(), &mut told);
    }
    let EventKind::PartUpdated(updated) = &told.last().unwrap().kind else { panic!("{told:?}") };
    let PartBody::Tool(tool) = &updated.part.body else { panic!() };
    assert_eq!(tool.output.as_deref(), Some("\u{fffd} tail"));
    assert_eq!(
        (tool.input.to_value(), tool.metadata.as_ref().unwrap().to_value()),
        (json!({"k": "\u{fffd}"}), json!({"n": "\u{fffd}"}))
    );
}

/// PROTOCOL NORM-7, STREAM-4.
#[test]
fn cumulative_text_is_told_as_what_grew() {
    let mut log = begun();
    log.with_ids = false;
    for text in ["He", "He", "Hell", "He", "Hello ", "Hello "] {
        let part = json!({"id": "prt_t", "messageID": "msg_a", "sessionID": ROOT, "type": "text", "text": text,
            "time": {"start": 1}});
        log.push("message.part.updated", json!({"part": part, "delta": "never looked at"}));
    }
    log.text_end("msg_a", "prt_t", "Hello").done("msg_a", "msg_u", "stop").idle();
    let deltas: Vec<_> = log.told().iter().filter_map(|event| event.text_delta().map(str::to_owned)).collect();
    assert_eq!(deltas, ["He", "ll", "o "]);
    assert_eq!(only(&log).text(), "Hello");
}

/// PROTOCOL FOLD-2, STREAM-4.
#[test]
fn deltas_before_their_part_are_not_lost() {
    let mut log = begun();
    log.delta("msg_a", "prt_t", "a").delta("msg_a", "prt_t", "b").text("msg_a", "prt_t", &["c"]);
    log.delta("msg_a", "prt_v", "x");
    log.part(ROOT, "msg_a", "prt_v", json!({"type": "text", "text": "xyz", "time": {"end": 1}}));
    log.done("msg_a", "msg_u", "stop").idle();
    assert_eq!(only(&log).text(), "abc\n\nxyz");
}

/// PROTOCOL NORM-8.
#[test]
fn a_long_running_tools_output_is_told_by_its_end_and_not_every_time() {
    let mut log = begun();
    let input = json!({"command": "yes"});
    for n in 0..200 {
        let output = "y\n".repeat(100 * n);
        let state = json!({"status": "running", "input": input, "metadata": {"output": output, "n": 1}});
        log.tool("msg_a", "prt_1", "bash", state);
    }
    let whole = "y\n".repeat(30_000);
    log.tool("msg_a", "prt_1", "bash", json!({"status": "completed", "input": input, "output": whole}));
    log.done("msg_a", "msg_u", "stop").busy().idle();
    let told: Vec<_> = log
        .told()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::PartUpdated(updated) => Some(updated.part),
            _ => None,
        })
        .collect();
    assert!(told.len() < 50, "{}", told.len());
    let output = |part: &turnwire::event::Part| match &part.body {
        PartBody::Tool(tool) => tool.output.clone().unwrap_or_default(),
        _ => String::new(),
    };
    assert!(told.iter().rev().skip(1).all(|part| output(part).len() <= 8192));
    assert_eq!(output(told.last().unwrap()), whole);
}
/// PROTOCOL NORM-3.
#[test]
fn fields_of_wrong_types_cost_nothing_else() {
    let mut log = Log::new();
    log.push(
        "message.updated",
        json!({"info": {"id": "msg_u", "sessionID": ROOT, "role": "user", "time": "late", "model": 3}}),
    );
    log.part(ROOT, "msg_u", "prt_u", json!({"type": "text", "text": "hello", "synthetic": "no", "time": []}));
    log.busy();
    log.agent(
        "msg_a",
        "msg_u",
        json!({"time": {"created": "1795402608754"}, "tokens": "many", "cost": {}, "agent": 7}),
    );
    log.part(
        ROOT,
        "msg_a",
        "prt_t",
        json!({"type": "text", "text": 42, "time": {"end": "5"}, "state": "x", "files": 1}),
    );
    let tokens = json!({"input": "12", "output": 3.0, "reasoning": null, "cache": []});
    log.agent("msg_a", "msg_u", json!({"finish": "stop", "time": {"completed": "1795402610585"}, "tokens": tokens}));
    log.push("question.asked", json!({"id": 5, "sessionID": ROOT, "questions": {"a": 1}})).idle();
    let turn = only(&log);
    assert_eq!((turn.status.as_str(), turn.text().as_str()), ("completed", "42"));
    assert_eq!(turn.usage.counts.total_tokens, 15);
    assert_eq!(turn.completed_at.unwrap().to_string(), "2026-11-23T02:56:50.585Z");
}

/// PROTOCOL NORM-3.
#[test]
fn what_is_no_event_tells_nothing() {
    let mut normalizer = Normalizer::new();
    let mut told = Vec::new();
    for raw in ["", "null", "[]", "{", "{}", "\"x\"", "{\"type\":5}", "{\"type\":\"message.updated\"}", "\u{feff}{}"] {
        normalizer.push(raw.as_bytes(), &mut told);
    }
    normalizer.push(&[0xff, 0xfe, b'{'], &mut told);
    normalizer.push("[".repeat(100_000).as_bytes(), &mut told);
    assert!(told.is_empty());
}

/// PROTOCOL EVENT-6.
#[test]
fn a_part_of_an_unknown_kind_is_passed_on_as_it_came() {
    let mut log = begun();
    log.part(ROOT, "msg_a", "prt_n", json!({"type": "hologram", "depth": 3}));
    log.done("msg_a", "msg_u", "stop").idle();
    let turn = only(&log);
    let part = &turn.messages[0].parts[0];
    assert_eq!((part.part_type().as_str(), part.state.as_str()), ("hologram", "done"));
    let PartBody::Other(other) = &part.body else { panic!() };
    assert_eq!(other.raw.to_value()["depth"], 3);
}

fn pictures(log: &mut Log, part: &str, attachments: serde_json::Value) {
    log.tool("msg_a", part, "read", json!({"status": "running", "input": {}}));
    let state = json!({"status": "completed", "input": {}, "output": "Image read", "attachments": attachments});
    log.tool("msg_a", part, "read", state.clone()).tool("msg_a", part, "read", state);
}

/// PROTOCOL EVENT-5.
#[test]
fn a_picture_that_a_tool_read_is_a_file_after_its_tool() {
    let mut log = begun();
    let png = json!({"id": "prt_png", "type": "file", "mime": "image/png", "url": "data:image/png;base64,AA==",
        "filename": "a.png"});
    pictures(&mut log, "prt_1", json!([png, {"type": "file", "mime": "image/gif", "url": "data:,x"}, {"url": ""}, 7]));
    // An id that another part has, and no list at all, cost nothing but themselves.
    pictures(&mut log, "prt_2", json!([{"id": "prt_1", "mime": "image/png", "url": "data:,y"}]));
    pictures(&mut log, "prt_3", json!("none"));
    log.done("msg_a", "msg_u", "tool-calls").busy().idle();
    rules::check(&log.told()).unwrap();
    let turn = only(&log);
    let told: Vec<_> = turn.messages[0].parts.iter().map(|part| serde_json::to_value(part).unwrap()).collect();
    let ids: Vec<_> = told.iter().map(|part| part["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["prt_1", "prt_png", "file_1_2", "prt_2", "file_2_1", "prt_3"]);
    let want = json!({"id": "prt_png", "type": "file", "mime": "image/png", "filename": "a.png",
        "url": "data:image/png;base64,AA==", "toolPartId": "prt_1", "state": "done"});
    assert_eq!(told[1], want);
    assert_eq!((&told[2]["toolPartId"], &told[4]["url"]), (&json!("prt_1"), &json!("data:,y")));
}

/// PROTOCOL EVENT-5.
#[test]
fn a_picture_too_large_to_be_told_says_so() {
    let mut log = begun();
    let of = |bytes: usize| json!({"type": "file", "mime": "image/png", "url": format!("data:,{}", "x".repeat(bytes))});
    let mib = 1024 * 1024;
    pictures(&mut log, "prt_1", json!([of(4 * mib), of(3 * mib), of(3 * mib)]));
    pictures(&mut log, "prt_2", json!(vec![of(3 * mib); 5]));
    log.part(ROOT, "msg_a", "prt_own", json!({"type": "file", "mime": "text/plain", "url": "x".repeat(5 * mib)}));
    log.done("msg_a", "msg_u", "stop").idle();
    let turn = only(&log);
    let files = turn.messages[0].parts.iter().filter_map(|part| match &part.body {
        PartBody::File(file) => Some((file.omitted, file.url.is_empty())),
        _ => None,
    });
    let whole = (false, false);
    let cut = (true, true);
    assert_eq!(files.collect::<Vec<_>>(), [cut, whole, whole, whole, whole, whole, cut, cut, cut]);
    let json = serde_json::to_value(&turn.messages[0].parts[1]).unwrap();
    assert_eq!((&json["omitted"], &json["url"]), (&json!(true), &json!("")));
}

/// A reader has taken a part for what it was first told as.
/// PROTOCOL STREAM-6.
#[test]
fn a_part_keeps_its_kind_even_where_two_kinds_share_an_id() {
    for (first, second) in [("hologram", "smell"), ("file", "patch"), ("patch", "hologram"), ("hologram", "text")] {
        let mut log = begun();
        log.part(ROOT, "msg_a", "prt_n", json!({"type": first, "text": "x"}));
        log.part(ROOT, "msg_a", "prt_n", json!({"type": second, "text": "x", "time": {"end": 1}}));
        log.done("msg_a", "msg_u", "stop").idle();
        rules::check(&log.told()).unwrap_or_else(|rule| panic!("{first}, then {second}: {rule}"));
        assert_eq!(only(&log).messages[0].parts[0].part_type(), first);
    }
}

#[test]
fn another_protocol_is_refused_with_a_sentence() {
    let path = crate::cases::folder().join("1.18.33/plain_api_event.api.sse");
    let mut capture = turnwire::normalize::Capture::new(Normalizer::new());
    let mut told = Vec::new();
    let error = capture.feed(&std::fs::read(path).unwrap(), &mut told).unwrap_err();
    assert!(
        error.message().contains("/api/event, the protocol of OpenCode 2, which is not read here; record /event"),
        "{error}"
    );
    assert!(told.is_empty());
}

/// PROTOCOL NORM-4.
#[test]
fn a_recording_that_begins_within_a_turn_is_known_as_one() {
    for case in crate::cases::cases() {
        let mut capture = turnwire::normalize::Capture::new(Normalizer::new());
        capture.feed(&case.bytes, &mut Vec::new()).unwrap();
        assert_eq!(capture.begins_within_turn(), case.name == "1.18.33/late_subscribe", "{}", case.name);
    }
}
