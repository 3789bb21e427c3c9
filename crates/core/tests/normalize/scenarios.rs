//! The awkward cases one by one, in logs written by hand.

use crate::cases::turns;
use crate::log::{Log, ROOT};
use crate::rules;
use serde_json::json;
use turnwire::event::{EventKind, FinishReason, PartBody, PartState, TurnStatus};
use turnwire::{Event, Normalizer, Turn};

/// The turns of a log that keeps the rules.
pub(crate) fn read(log: &Log) -> Vec<Turn> {
    let events = log.told();
    rules::check(&events).unwrap();
    turns(&events)
}

pub(crate) fn only(log: &Log) -> Turn {
    let mut turns = read(log);
    assert_eq!(turns.len(), 1, "{turns:#?}");
    turns.remove(0)
}

pub(crate) fn statuses(turns: &[Turn]) -> Vec<(&str, &str)> {
    turns.iter().map(|turn| (turn.id.as_str(), turn.status.as_str())).collect()
}

/// A prompt that is being answered.
pub(crate) fn begun() -> Log {
    let mut log = Log::new();
    log.user("msg_u", "hello").busy().agent("msg_a", "msg_u", json!({})).step("msg_a");
    log
}

pub(crate) fn waiting(events: &[Event]) -> Vec<Vec<String>> {
    let statuses = events.iter().filter_map(|event| match &event.kind {
        EventKind::TurnStatusChanged(status) => Some(status),
        _ => None,
    });
    statuses.map(|status| status.requests.iter().map(|r| r.request_id().to_string()).collect()).collect()
}

/// PROTOCOL TURN-3.
#[test]
fn an_idle_without_a_turn_tells_nothing() {
    assert!(Log::new().idle().busy().idle().told().is_empty());
}

/// PROTOCOL TURN-6.
#[test]
fn what_was_answered_before_opens_no_turn() {
    let mut log = Log::new();
    log.user_message("msg_v", json!({"summary": {"diffs": []}})).busy().idle();
    log.agent("msg_a", "msg_v", json!({})).error("UnknownError");
    log.user("msg_u", "hello").done("msg_b", "msg_u", "stop");
    assert!(log.told().is_empty());
}

/// PROTOCOL NORM-1, STATUS-1.
#[test]
fn an_idle_before_the_last_message_has_ended_ends_nothing() {
    let mut log = begun();
    log.text("msg_a", "prt_t", &["some ", "words"]).error("MessageAbortedError").idle();
    let mut normalizer = Normalizer::new();
    log.told_by(&mut normalizer);
    assert!(normalizer.open_turn().is_some());
    log.text_end("msg_a", "prt_t", "some words");
    log.agent("msg_a", "msg_u", json!({"time": {"completed": 9}, "error": {"name": "MessageAbortedError"}})).idle();
    let turn = only(&log);
    assert_eq!((turn.status.as_str(), turn.text().as_str()), ("cancelled", "some words"));
    assert_eq!(turn.messages[0].finish_reason, Some(FinishReason::Cancelled));
}

/// PROTOCOL TURN-4, STATUS-2.
#[test]
fn prompts_answered_together_end_merged_into_the_one_that_was_answered() {
    let mut log = begun();
    log.user("msg_v", "second").user("msg_w", "third").user("msg_x", "fourth");
    log.done("msg_a", "msg_u", "stop").busy();
    log.agent("msg_b", "msg_x", json!({})).done("msg_b", "msg_x", "stop").busy().idle();
    let turns = read(&log);
    let want = [("turn_u", "completed"), ("turn_v", "merged"), ("turn_w", "merged"), ("turn_x", "completed")];
    assert_eq!(statuses(&turns), want);
    assert_eq!(turns[1].merged_into, Some("turn_x".into()));
    assert_eq!(turns[3].messages.len(), 1);
}

#[test]
fn a_queued_prompt_that_is_never_answered_is_never_told() {
    let mut log = begun();
    log.user("msg_v", "second").error("MessageAbortedError").idle();
    log.agent("msg_a", "msg_u", json!({"time": {"completed": 9}, "error": {"name": "MessageAbortedError"}})).idle();
    assert_eq!(statuses(&read(&log)), [("turn_u", "cancelled")]);
}

/// PROTOCOL NORM-5, EVENT-3, FOLD-2.
#[test]
fn what_a_broken_attempt_left_is_discarded_when_the_next_begins() {
    let mut log = begun();
    log.text("msg_a", "prt_1", &["broken "]).status(ROOT, json!({"type": "retry", "attempt": 1, "message": "cut"}));
    log.busy().step("msg_a").text("msg_a", "prt_2", &["whole"]).text_end("msg_a", "prt_2", "whole");
    log.done("msg_a", "msg_u", "stop").busy().idle();
    let turn = only(&log);
    let states: Vec<_> = turn.messages[0].parts.iter().map(|part| part.state.as_str()).collect();
    assert_eq!(states, ["discarded", "done"]);
    assert_eq!(turn.text(), "whole");
}

/// PROTOCOL NORM-5.
#[test]
fn a_tool_that_ran_before_the_break_is_kept() {
    let mut log = begun();
    let ran = json!({"status": "completed", "input": {}, "output": "ok"});
    log.text("msg_a", "prt_1", &["broken"]).tool("msg_a", "prt_tool", "bash", ran);
    log.status(ROOT, json!({"type": "retry", "attempt": 1})).busy().step("msg_a");
    log.done("msg_a", "msg_u", "stop").busy().idle();
    let states: Vec<_> = only(&log).messages[0].parts.iter().map(|part| part.state.clone()).collect();
    assert_eq!(states, [PartState::Discarded, PartState::Done]);
}

/// PROTOCOL NORM-5.
#[test]
fn a_retry_that_goes_on_in_the_same_part_discards_nothing() {
    let mut log = begun();
    log.text("msg_a", "prt_1", &["first "]).status(ROOT, json!({"type": "retry", "attempt": 1})).busy();
    log.delta("msg_a", "prt_1", "second").text_end("msg_a", "prt_1", "first second");
    log.done("msg_a", "msg_u", "stop").busy().idle();
    let turn = only(&log);
    assert_eq!((turn.text().as_str(), turn.messages[0].parts[0].state.as_str()), ("first second", "done"));
}

#[test]
fn a_retry_that_is_never_made_is_cancelled_and_leaves_nothing() {
    let mut log = begun();
    log.text("msg_a", "prt_1", &["broken"]).status(ROOT, json!({"type": "retry", "attempt": 3, "next": 5_000}));
    log.agent("msg_a", "msg_u", json!({"time": {"completed": 9}})).idle();
    let turn = only(&log);
    assert_eq!((turn.status.as_str(), turn.text().as_str()), ("cancelled", ""));
    assert_eq!(turn.messages[0].parts[0].state, PartState::Discarded);
}

/// PROTOCOL STATUS-1, TURN-6.
#[test]
fn an_error_of_the_session_is_the_turns_unless_a_step_follows() {
    let mut log = begun();
    log.error("APIError").done("msg_a", "msg_u", "stop").busy().idle();
    assert_eq!(only(&log).status, TurnStatus::Completed);

    let mut log = Log::new();
    log.user("msg_u", "hello").busy().error("UnknownError").idle().error("UnknownError");
    let turn = only(&log);
    assert_eq!(turn.status, TurnStatus::Failed);
    assert_eq!(turn.error.unwrap().message, "It was a UnknownError.");
}

/// PROTOCOL STATUS-3.
#[test]
fn a_provider_error_is_scrubbed() {
    let mut log = begun();
    let error = json!({"name": "APIError", "data": {
        "message": "Denied at https://api.example.com/v1", "statusCode": 429, "isRetryable": true,
        "responseHeaders": {"x-secret": "s3cr3t"}, "responseBody": "s3cr3t", "metadata": {"url": "https://s3cr3t"},
    }});
    log.agent("msg_a", "msg_u", json!({"time": {"completed": 9}, "error": error})).idle();
    let told = log.told().iter().map(Event::to_json).collect::<String>();
    assert!(!told.contains("s3cr3t") && !told.contains("api.example.com"), "{told}");
    let error = only(&log).error.unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("provider_rate_limited", "Denied at [address]"));
    assert!(error.retryable);
}

/// PROTOCOL STATUS-1.
#[test]
fn a_content_filter_fails_the_turn() {
    for error in [json!(null), json!({"name": "ContentFilterError", "data": {"message": "filtered"}})] {
        let mut log = begun();
        log.text("msg_a", "prt_t", &["so"]).done("msg_a", "msg_u", "content-filter");
        log.agent("msg_a", "msg_u", json!({"finish": "content-filter", "time": {"completed": 9}, "error": error}));
        log.error("ContentFilterError").idle();
        let turn = only(&log);
        assert_eq!(turn.status, TurnStatus::Failed);
        assert_eq!(turn.error.unwrap().code, "content_filter");
        assert_eq!(turn.messages[0].finish_reason, Some(FinishReason::ContentFilter));
    }
}

/// PROTOCOL STATUS-1, TURN-3.
#[test]
fn idle_and_no_message_ever_completed_is_a_failure_of_the_runtime() {
    let mut log = Log::new();
    log.user("msg_u", "hello").busy().idle();
    let turn = only(&log);
    assert_eq!((turn.status.as_str(), turn.error.unwrap().code.as_str()), ("failed", "runtime_error"));
}

fn asks(log: &mut Log, message: &str) {
    log.tool(message, "prt_q", "question", json!({"status": "pending", "input": {}}));
    log.push(
        "question.asked",
        json!({"id": "que_1", "sessionID": ROOT, "tool": {"messageID": message, "callID": "call_prt_q"},
            "questions": [{"header": "H", "question": "Q?", "options": [{"label": "a", "description": "d"}]}]}),
    );
    log.tool(message, "prt_q", "question", json!({"status": "running", "input": {}}));
}

/// PROTOCOL STATUS-1, ASK-7.
#[test]
fn a_refused_question_blocks_the_turn() {
    let mut log = begun();
    asks(&mut log, "msg_a");
    log.push("question.rejected", json!({"sessionID": ROOT, "requestID": "que_1"}));
    log.tool("msg_a", "prt_q", "question", json!({"status": "error", "input": {}, "error": "dismissed"}));
    log.done("msg_a", "msg_u", "tool-calls").idle();
    let turn = only(&log);
    assert_eq!(turn.status, TurnStatus::Blocked);
    let PartBody::Tool(tool) = &turn.messages[0].parts[0].body else { panic!() };
    assert_eq!(tool.error.as_ref().unwrap().code, "rejected");
}

/// PROTOCOL STATUS-1.
#[test]
fn a_refusal_with_a_word_lets_the_turn_go_on() {
    let mut log = begun();
    let properties = json!({"id": "per_1", "sessionID": ROOT, "permission": "bash", "patterns": ["ls"],
        "metadata": {}, "tool": {"messageID": "msg_a", "callID": "call_prt_x"}});
    log.push("permission.asked", properties);
    log.push("permission.replied", json!({"sessionID": ROOT, "requestID": "per_1", "reply": "reject"}));
    log.tool("msg_a", "prt_x", "bash", json!({"status": "error", "input": {}, "error": "no, do this"}));
    log.done("msg_a", "msg_u", "tool-calls").busy();
    log.agent("msg_b", "msg_u", json!({})).done("msg_b", "msg_u", "stop").busy().idle();
    assert_eq!(only(&log).status, TurnStatus::Completed);
}

/// PROTOCOL ASK-1, ASK-7.
#[test]
fn open_requests_are_told_as_a_set_and_end_with_their_tool_or_the_turn() {
    let mut log = begun();
    asks(&mut log, "msg_a");
    let old = json!({"id": "per_1", "sessionID": ROOT, "type": "edit", "pattern": "*.rs", "messageID": "msg_a",
        "callID": "call_prt_y", "metadata": {"k": 1}});
    log.push("permission.updated", old.clone()).push("permission.updated", old);
    log.push("question.replied", json!({"sessionID": ROOT, "requestID": "que_1", "answers": [["a"]]}));
    log.tool("msg_a", "prt_y", "edit", json!({"status": "completed", "input": {}, "output": "ok"}));
    let mut normalizer = Normalizer::new();
    let told = log.told_by(&mut normalizer);
    let sets = [vec![], vec!["que_1"], vec!["que_1", "per_1"], vec!["per_1"], vec![]];
    assert_eq!(waiting(&told), sets);

    // A zombie: the turn has ended, an answer to its question tells nothing.
    let mut log = begun();
    asks(&mut log, "msg_a");
    log.error("MessageAbortedError").idle();
    log.agent("msg_a", "msg_u", json!({"time": {"completed": 9}, "error": {"name": "MessageAbortedError"}}));
    log.tool("msg_a", "prt_q", "question", json!({"status": "error", "input": {}, "error": "aborted"})).idle();
    let before = log.told().len();
    log.push("question.replied", json!({"sessionID": ROOT, "requestID": "que_1", "answers": [["a"]]}));
    assert_eq!(log.told().len(), before);
    assert_eq!(only(&log).status, TurnStatus::Cancelled);
}

/// PROTOCOL STATUS-1, STREAM-2, TURN-7.
#[test]
fn a_shells_message_ends_before_its_tool_and_is_a_turn_of_its_own() {
    let mut log = Log::new();
    log.user_message("msg_u", json!({}));
    log.user_part("msg_u", json!({"type": "text", "text": "The user ran a command", "synthetic": true}));
    log.agent("msg_a", "msg_u", json!({}));
    log.tool("msg_a", "prt_s", "bash", json!({"status": "running", "input": {"command": "ls"}}));
    log.agent("msg_a", "msg_u", json!({"time": {"completed": 9}}));
    log.tool("msg_a", "prt_s", "bash", json!({"status": "completed", "input": {"command": "ls"}, "output": "a\n"}));
    log.idle();
    let turn = only(&log);
    assert_eq!(turn.status, TurnStatus::Completed);
    assert!(turn.user_message.parts.is_empty());
    assert_eq!(turn.messages[0].parts[0].state, PartState::Done);
}

/// PROTOCOL TURN-7.
#[test]
fn a_compaction_is_told_within_the_turn_that_needed_it() {
    let mut log = begun();
    log.error("ContextOverflowError").agent("msg_a", "msg_u", json!({"time": {"completed": 9}}));
    log.user_message("msg_c", json!({})).user_part("msg_c", json!({"type": "compaction", "auto": true}));
    log.busy().agent("msg_s", "msg_c", json!({"summary": true}));
    log.text("msg_s", "prt_s", &["sum"]).text_end("msg_s", "prt_s", "sum");
    log.agent("msg_s", "msg_c", json!({"summary": true, "finish": "stop", "time": {"completed": 9}}));
    log.user("msg_r", "hello").push("session.compacted", json!({"sessionID": ROOT}));
    log.busy().agent("msg_b", "msg_r", json!({})).text("msg_b", "prt_b", &["hi"]).text_end("msg_b", "prt_b", "hi");
    log.done("msg_b", "msg_r", "stop").busy().idle();
    let turn = only(&log);
    assert_eq!((turn.status.as_str(), turn.text().as_str()), ("completed", "hi"));
    let kinds: Vec<_> = turn.messages.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!(kinds, ["answer", "summary", "answer"]);
}

/// PROTOCOL TURN-7.
#[test]
fn a_queued_prompt_whose_first_part_the_runtime_wrote_is_still_the_users() {
    let mut log = begun();
    log.user_message("msg_v", json!({}));
    log.user_part("msg_v", json!({"type": "text", "text": "Called the Read tool", "synthetic": true}));
    log.user_part("msg_v", json!({"type": "text", "text": "read it"}));
    log.done("msg_a", "msg_u", "stop").busy();
    log.agent("msg_b", "msg_v", json!({})).done("msg_b", "msg_v", "stop").busy().idle();
    assert_eq!(statuses(&read(&log)), [("turn_u", "completed"), ("turn_v", "completed")]);

    // A word of the runtime's own to go on is of the open turn, and answered or not opens none later.
    for answered in [true, false] {
        let mut log = begun();
        log.user_message("msg_n", json!({}));
        log.user_part("msg_n", json!({"type": "text", "text": "Continue", "synthetic": true}));
        log.done("msg_a", "msg_u", "stop").busy();
        if answered {
            log.agent("msg_b", "msg_n", json!({})).done("msg_b", "msg_n", "stop").busy();
        }
        log.idle().busy().idle();
        assert_eq!(only(&log).messages.len(), 1 + usize::from(answered));
    }
}

/// A child's messages stand under the tool that runs it, even where the tool is named only later.
/// PROTOCOL STREAM-8, STREAM-9, EVENT-2.
#[test]
fn a_subagent_is_told_under_its_tool_once_that_is_known() {
    let mut log = begun();
    log.child("ses_1", ROOT, "look (@general subagent)").child("ses_2", ROOT, "fetch (@general subagent)");
    log.agent_in("ses_2", "msg_c2", "msg_cu2", json!({}));
    log.part("ses_2", "msg_c2", "prt_c2", json!({"type": "text", "text": "two", "time": {"end": 1}}));
    for (part, description) in [("prt_t1", "look"), ("prt_t2", "fetch")] {
        let input = json!({"description": description});
        log.tool("msg_a", part, "task", json!({"status": "running", "input": input}));
    }
    log.agent_in(
        "ses_1",
        "msg_c1",
        "msg_cu1",
        json!({"finish": "stop", "time": {"completed": 9},
        "tokens": {"input": 7, "output": 1}, "cost": 0.5}),
    );
    log.status("ses_1", json!({"type": "idle"})).push("session.idle", json!({"sessionID": "ses_1"}));
    for part in ["prt_t1", "prt_t2"] {
        log.tool("msg_a", part, "task", json!({"status": "completed", "input": {}, "output": "ok"}));
    }
    log.done("msg_a", "msg_u", "stop").busy().idle();
    let turn = only(&log);
    assert_eq!(turn.status, TurnStatus::Completed);
    let under = |id: &str| turn.messages.iter().find(|message| message.id == id).unwrap().parent_part_id.clone();
    assert_eq!((under("msg_c1"), under("msg_c2")), (Some("prt_t1".into()), Some("prt_t2".into())));
    assert_eq!((turn.usage.counts.total_tokens, turn.usage.summary.total_tokens), (21, 29));
    assert_eq!((turn.usage.counts.cost_micros, turn.cost_micros()), (Some(12), Some(500_012)));
}

/// PROTOCOL TURN-3, STATUS-2.
#[test]
fn a_prompt_that_wants_no_reply_is_merged_into_the_next() {
    let mut log = Log::new();
    log.user("msg_n", "just so you know").user("msg_u", "hello").busy();
    log.agent("msg_a", "msg_u", json!({})).done("msg_a", "msg_u", "stop").busy().idle();
    assert_eq!(statuses(&read(&log)), [("turn_n", "merged"), ("turn_u", "completed")]);
}

#[test]
fn what_was_taken_back_is_void() {
    let mut log = begun();
    log.text("msg_a", "prt_1", &["one"]).text("msg_a", "prt_2", &["two"]);
    log.push("message.part.removed", json!({"sessionID": ROOT, "messageID": "msg_a", "partID": "prt_1"}));
    log.agent("msg_b", "msg_u", json!({})).text("msg_b", "prt_3", &["three"]);
    log.push("message.removed", json!({"sessionID": ROOT, "messageID": "msg_b"}));
    log.text_end("msg_a", "prt_2", "two").done("msg_a", "msg_u", "stop").idle();
    assert_eq!(only(&log).text(), "two");
}
