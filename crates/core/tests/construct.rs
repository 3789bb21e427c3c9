//! What a program outside this crate can make: every event, and the options of a call.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;
use turnwire::event::{
    Choice, FilePart, FinishReason, MessageCompleted, MessageCreated, MessageKind, MessageUsage, OtherPart, Part,
    PartBody, PartDelta, PartState, PartType, PartUpdated, PatchPart, Permission, Prompt, Question, SessionUsage,
    TextPart, TodoItem, TodoPart, TokenCounts, ToolError, ToolPart, TurnCompleted, TurnError, TurnStarted, TurnStatus,
    TurnStatusChanged, UnknownEvent, Usage, UsageEntry, UserMessage,
};
use turnwire::{Event, EventKind, Json, Message, RequestOptions, Timeout, Turn, TurnAccumulator};

fn updated(message: &str, id: &str, body: PartBody) -> EventKind {
    EventKind::PartUpdated(Box::new(PartUpdated::new(message, Part::new(id, body, PartState::Done))))
}

fn kinds() -> Vec<EventKind> {
    let mut counts = TokenCounts::new();
    counts.input_tokens = 3;
    counts.total_tokens = 3;
    let mut usage = Usage::new(counts, counts);
    usage.entries.push(UsageEntry::new("msg_2", MessageKind::Answer, counts));
    let mut waiting = TurnStatusChanged::new(TurnStatus::Waiting);
    let mut prompt = Prompt::new("Which one?");
    prompt.options.push(Choice::new("The first"));
    waiting.requests = vec![Question::new("que_1", vec![prompt]).into(), Permission::new("per_1", "bash").into()];
    let mut tool = ToolPart::new("call_1", "bash", Json::empty_object());
    tool.error = Some(ToolError::new("exit", "It ended with 1."));
    let mut completed = MessageCompleted::new("msg_2", FinishReason::Stop);
    completed.usage = Some(MessageUsage::new(counts));
    let mut failed = TurnCompleted::new(TurnStatus::Failed);
    failed.error = Some(TurnError::new("provider_error", "The provider failed."));
    vec![
        EventKind::TurnStarted(TurnStarted::new(UserMessage::new("msg_1", Vec::new()))),
        EventKind::TurnStatusChanged(waiting),
        EventKind::MessageCreated(MessageCreated::new("msg_2", MessageKind::Answer)),
        EventKind::PartDelta(PartDelta::new("msg_2", "prt_1", PartType::Text, "Hel")),
        updated("msg_2", "prt_1", PartBody::Text(TextPart::new("Hello"))),
        updated("msg_2", "prt_2", PartBody::Tool(Box::new(tool))),
        updated("msg_2", "prt_3", PartBody::File(FilePart::new("text/plain", "file:///a.txt"))),
        updated("msg_2", "prt_4", PartBody::Patch(PatchPart::new(vec!["a.txt".to_owned()]))),
        updated("msg_2", "prt_5", PartBody::Todo(TodoPart::new(vec![TodoItem::new("Look", "pending", "low")]))),
        updated("msg_2", "prt_6", PartBody::Other(OtherPart::new("chart", Json::empty_object()))),
        EventKind::MessageCompleted(Box::new(completed)),
        EventKind::SessionUsage(Box::new(SessionUsage::new(usage))),
        EventKind::TurnCompleted(Box::new(failed)),
    ]
}

#[test]
fn events_made_by_hand_read_back_and_fold() {
    let mut fold = TurnAccumulator::new();
    for (at, kind) in kinds().into_iter().enumerate() {
        let event = Event::new(at as u64 + 1, "chat_1".into(), "turn_1".into(), kind);
        assert_eq!(Event::parse(&event.to_json(), None).unwrap(), event);
        assert!(fold.push(&event));
    }
    let turn = fold.turn();
    assert_eq!((turn.text().as_str(), turn.usage.summary.total_tokens, turn.messages[0].parts.len()), ("Hello", 3, 6));
    let unknown = UnknownEvent::new("turn.moved", Json::parse(r#"{"type":"turn.moved"}"#).unwrap());
    assert!(!fold.push(&Event::new(99, "chat_1".into(), "turn_1".into(), EventKind::Unknown(unknown))));
}

#[test]
fn a_turn_made_by_hand_reads_back() {
    let mut turn = Turn::new("turn_1", "chat_1");
    let mut message = Message::new("msg_2", MessageKind::Answer);
    message.parts.push(Part::new("prt_1", PartBody::Text(TextPart::new("Hello")), PartState::Done));
    turn.messages.push(message);
    let json = serde_json::to_string(&turn).unwrap();
    assert_eq!(serde_json::from_str::<Turn>(&json).unwrap(), turn);
}

#[test]
fn options_made_by_hand_are_those_of_their_json() {
    let second = Duration::from_secs(1);
    let timeout = Timeout::new().connect(second).answer(second).idle(second).total(second);
    let options = RequestOptions::new()
        .timeout(Timeout::new().total(second * 9))
        .timeout(timeout)
        .max_retries(3)
        .idempotency_key("key")
        .header("x-a", "1")
        .query("q", 2)
        .body("extra", true);
    let json = r#"{"timeout":{"connectMs":1000,"answerMs":1000,"idleMs":1000,"totalMs":1000},"maxRetries":3,
        "idempotencyKey":"key","headers":{"x-a":"1"},"query":{"q":2},"body":{"extra":true}}"#;
    assert_eq!(options, serde_json::from_str(json).unwrap());
}
