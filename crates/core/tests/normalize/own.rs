//! What the server itself decides, told by the log alone.

use crate::log::{Log, ROOT};
use crate::scenarios::only;
use serde_json::{Value, json};
use std::time::Duration;
use turnwire::event::{EventKind, PartState, TurnStatus};

fn own(log: &mut Log, event_type: &str, more: Value) {
    let mut properties = json!({"sessionID": ROOT, "messageId": "msg_u", "time": 5_000});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    log.push(event_type, properties);
}

fn accepted() -> Log {
    let mut log = Log::new();
    let parts = json!([{"type": "text", "text": "hello"}]);
    own(&mut log, "turnwire.turn.accepted", json!({"userParts": parts, "model": "p/m", "time": 500}));
    log
}

/// PROTOCOL TURN-1, TURN-2, EVENT-7.
#[test]
fn a_turn_begins_when_the_server_accepts_it() {
    let mut log = accepted();
    own(&mut log, "turnwire.runtime", json!({"state": "resuming"}));
    own(&mut log, "turnwire.runtime", json!({"state": "running"}));
    // Late words of the turn before change nothing.
    log.error("MessageAbortedError").idle();
    log.user("msg_u", "hello").busy().agent("msg_a", "msg_u", json!({})).text("msg_a", "prt_t", &["hi"]);
    log.text_end("msg_a", "prt_t", "hi").done("msg_a", "msg_u", "stop").busy().idle();
    let told = log.told();
    let statuses: Vec<_> = told
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::TurnStatusChanged(status) => Some(status.status.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, ["queued", "resuming", "running"]);
    let turn = only(&log);
    assert_eq!((turn.id.as_str(), turn.status.as_str(), turn.model.as_deref()), ("turn_u", "completed", Some("p/m")));
    assert_eq!((turn.duration, turn.user_message.parts.len()), (Some(Duration::from_millis(2_500)), 1));
}

/// PROTOCOL NORM-1.
#[test]
fn a_late_idle_of_the_turn_before_does_not_end_the_next() {
    let last = |log: &mut Log| {
        log.step("msg_a").done("msg_a", "msg_u", "tool-calls").busy();
        log.agent("msg_b", "msg_u", json!({})).busy().step("msg_b").done("msg_b", "msg_u", "stop").busy().idle();
    };
    let mut before = accepted();
    before.busy().idle().agent("msg_a", "msg_u", json!({}));
    last(&mut before);
    let mut after = accepted();
    after.busy().agent("msg_a", "msg_u", json!({})).idle();
    last(&mut after);
    for log in [before, after] {
        let turn = only(&log);
        assert_eq!((turn.status.as_str(), turn.messages.len()), ("completed", 2));
    }
}

/// PROTOCOL STATUS-1.
#[test]
fn what_the_server_decides_ends_a_turn() {
    let ends: [(&str, Value, &str, Option<&str>); 7] = [
        (
            "turnwire.turn.closed",
            json!({"status": "failed", "error": {"code": "step_limit", "message": "Too many steps."}}),
            "failed",
            Some("step_limit"),
        ),
        ("turnwire.turn.closed", json!({"status": "cancelled"}), "cancelled", None),
        // An empty error is none; a turn that failed has one nevertheless.
        ("turnwire.turn.closed", json!({"status": "failed", "error": {}}), "failed", Some("runtime_error")),
        ("turnwire.turn.closed", json!({"status": "cancelled", "error": {"code": ""}}), "cancelled", None),
        ("turnwire.runtime", json!({"state": "lost"}), "interrupted", Some("runtime_lost")),
        ("turnwire.chat.ended", json!({}), "interrupted", Some("chat_ended")),
        ("session.deleted", json!({"info": {"id": ROOT}}), "interrupted", Some("chat_ended")),
    ];
    for (event_type, more, status, code) in ends {
        let mut log = accepted();
        log.busy().agent("msg_a", "msg_u", json!({})).text("msg_a", "prt_t", &["half"]);
        log.tool("msg_a", "prt_x", "bash", json!({"status": "running", "input": {}}));
        own(&mut log, event_type, more);
        // What comes late is of an ended turn.
        log.agent("msg_b", "msg_u", json!({})).delta("msg_a", "prt_t", "more").idle();
        let turn = only(&log);
        assert_eq!((turn.status.as_str(), turn.text().as_str()), (status, "half"), "{event_type}");
        assert_eq!(turn.error.map(|error| error.code).as_deref(), code, "{event_type}");
        assert_eq!(turn.messages[0].parts[1].state, PartState::Error);
    }
}

/// PROTOCOL STATUS-1.
#[test]
fn a_cancel_that_was_asked_for_cancels_the_turn_however_it_ends() {
    let mut log = accepted();
    log.busy().agent("msg_a", "msg_u", json!({}));
    own(&mut log, "turnwire.cancel.requested", json!({"messageId": "msg_other"}));
    own(&mut log, "turnwire.cancel.requested", json!({}));
    log.done("msg_a", "msg_u", "stop").busy().idle();
    assert_eq!(only(&log).status, TurnStatus::Cancelled);
}

/// PROTOCOL NORM-6.
#[test]
fn a_resync_tells_what_was_missed_and_nothing_twice() {
    let mut log = accepted();
    log.busy().agent("msg_a", "msg_u", json!({})).text("msg_a", "prt_t", &["Hello"]);
    let part = |id: &str, message: &str, text: &str| {
        json!({"id": id, "messageID": message, "sessionID": ROOT,
        "type": "text", "text": text, "time": {"start": 1, "end": 2}})
    };
    let info = |id: &str, parent: &str, finish: &str| {
        json!({"id": id, "sessionID": ROOT, "role": "assistant",
        "parentID": parent, "finish": finish, "time": {"created": 1, "completed": 2}})
    };
    let user = |id: &str| json!({"info": {"id": id, "sessionID": ROOT, "role": "user"}, "parts": []});
    let messages = json!([
        user("msg_0"),
        {"info": info("msg_1", "msg_0", "stop"), "parts": [part("prt_z", "msg_1", "long ago")]},
        user("msg_u"),
        {"info": info("msg_a", "msg_u", "tool-calls"), "parts": [part("prt_t", "msg_a", "Hello there")]},
        {"info": info("msg_b", "msg_u", "stop"), "parts": [part("prt_b", "msg_b", "Done")]},
    ]);
    // A runtime whose clock went back by hours puts the prompt before what was said earlier.
    let mut by_the_clock = messages.as_array().unwrap().clone();
    by_the_clock.rotate_left(2);
    for messages in [messages, json!(by_the_clock)] {
        let mut log = log.clone();
        own(&mut log, "turnwire.snapshot", json!({"messages": messages}));
        own(&mut log, "turnwire.snapshot", json!({"messages": messages}));
        log.idle();
        let turn = only(&log);
        assert_eq!(turn.status, TurnStatus::Completed);
        let texts: Vec<_> = turn.messages.iter().map(turnwire::Message::text).collect();
        assert_eq!(texts, ["Hello there", "Done"]);
    }
}

/// A prompt from elsewhere (a plugin's) may reach the runtime just before the one the server has accepted.
/// PROTOCOL TURN-5, TURN-4.
#[test]
fn a_prompt_from_elsewhere_that_is_answered_first_does_not_take_the_answer_away() {
    for idle_between in [false, true] {
        let mut log = accepted();
        log.user("msg_t", "from elsewhere").user("msg_u", "hello").busy();
        log.agent("msg_a", "msg_t", json!({})).text("msg_a", "prt_a", &["theirs"]).text_end("msg_a", "prt_a", "theirs");
        log.done("msg_a", "msg_t", "stop").busy();
        if idle_between {
            log.idle().busy();
        }
        log.agent("msg_b", "msg_u", json!({})).text("msg_b", "prt_b", &["yours"]).text_end("msg_b", "prt_b", "yours");
        log.done("msg_b", "msg_u", "stop").busy().idle();
        let turn = only(&log);
        assert_eq!((turn.status.as_str(), turn.text().as_str(), turn.messages.len()), ("completed", "yours", 2));
    }
    // Once it is being answered, another prompt is another turn.
    let mut log = accepted();
    log.user("msg_u", "hello").busy().done("msg_a", "msg_u", "stop").user("msg_v", "from elsewhere").busy();
    log.agent("msg_b", "msg_v", json!({})).done("msg_b", "msg_v", "stop").busy().idle();
    let told = crate::cases::turns(&log.told());
    let ended: Vec<_> = told.iter().map(|turn| (turn.id.as_str(), turn.status.as_str())).collect();
    assert_eq!(ended, [("turn_u", "completed"), ("turn_v", "completed")]);
}

/// A subagent in the background goes on after its tool has ended, and after the answer of whoever began it.
/// PROTOCOL NORM-2.
#[test]
fn the_text_of_a_subagent_in_the_background_is_not_cut() {
    let mut log = accepted();
    log.busy().agent("msg_a", "msg_u", json!({}));
    log.child("ses_1", ROOT, "look (@general subagent)");
    let state = json!({"status": "running", "input": {"description": "look"}, "metadata": {"sessionId": "ses_1"}});
    log.tool("msg_a", "prt_t", "task", state);
    log.status("ses_1", json!({"type": "busy"})).agent_in("ses_1", "msg_c", "msg_cu", json!({}));
    let done = json!({"status": "completed", "input": {}, "output": "it works", "metadata": {"sessionId": "ses_1"}});
    log.tool("msg_a", "prt_t", "task", done).done("msg_a", "msg_u", "stop").busy().idle();
    let whole = |text: &str| json!({"type": "text", "text": text, "time": {"start": 1, "end": 2}});
    log.part("ses_1", "msg_c", "prt_c", json!({"type": "text", "text": "", "time": {"start": 1}}));
    log.part("ses_1", "msg_c", "prt_c", whole("the whole of it"));
    let end = json!({"finish": "tool-calls", "time": {"completed": 9}});
    log.agent_in("ses_1", "msg_c", "msg_cu", end).status("ses_1", json!({"type": "busy"}));
    log.agent_in("ses_1", "msg_d", "msg_cu", json!({})).part("ses_1", "msg_d", "prt_d", whole("and more"));
    log.agent_in("ses_1", "msg_d", "msg_cu", json!({"finish": "stop", "time": {"completed": 10}}));
    let mut stopped = log.clone();
    log.status("ses_1", json!({"type": "idle"})).push("session.idle", json!({"sessionID": "ses_1"}));
    // What comes now is after the end.
    log.agent_in("ses_1", "msg_e", "msg_cu", json!({}));
    let turn = only(&log);
    let texts: Vec<_> = turn.messages.iter().map(turnwire::Message::text).collect();
    assert_eq!(
        (turn.status.as_str(), texts),
        ("completed", vec![String::new(), "the whole of it".into(), "and more".into()])
    );
    // A cancelled turn waits for nobody.
    own(&mut stopped, "turnwire.cancel.requested", json!({}));
    stopped.idle();
    let status = stopped.told_by(&mut turnwire::Normalizer::new()).last().map(turnwire::Event::is_last);
    assert_eq!(status, Some(true));
}

/// PROTOCOL NORM-3.
#[test]
fn a_number_too_large_for_any_reader_costs_only_its_own_field() {
    let mut log = Log::new();
    log.user("msg_u", "hello").busy().agent("msg_a", "msg_u", json!({})).text("msg_a", "prt_t", &["hi"]);
    log.text_end("msg_a", "prt_t", "hi").done("msg_a", "msg_u", "stop").busy().idle();
    let (mut normalizer, mut told) = (turnwire::Normalizer::new(), vec![]);
    let mut spoilt = 0;
    for event in &log.events {
        let json = event.to_string();
        let huge = json.replace("\"created\":2000", "\"created\":1e999");
        spoilt += usize::from(huge != json);
        normalizer.push(huge.as_bytes(), &mut told);
    }
    let mut fold = turnwire::TurnAccumulator::new();
    for event in &told {
        fold.push(event);
    }
    let turn = fold.turn();
    assert_eq!((turn.status.as_str(), turn.text(), spoilt > 0), ("completed", "hi".into(), true));
}
