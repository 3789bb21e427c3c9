//! Turns over a real socket, on the practice runtime.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, PREFIX, Service, prompt};
use serde_json::{Value, json};
use turnwire::{Event, TurnAccumulator};

fn types(frames: &[Frame]) -> Vec<String> {
    frames.iter().map(|frame| frame.event.clone().unwrap_or_default()).collect()
}

fn fold(frames: &[Frame]) -> TurnAccumulator {
    let mut fold = TurnAccumulator::new();
    for frame in frames {
        let event = Event::parse(&frame.data, frame.event.as_deref()).unwrap();
        assert!(fold.push(&event), "an event that tells nothing: {frame:?}");
    }
    fold
}

/// PROTOCOL FRAME-1, EVENT-1, STREAM-1, STREAM-7, FOLD-1, RESUME-1.
#[tokio::test]
async fn a_turn_is_streamed_from_start_to_end() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut stream = service.respond(&chat, "Hello there").await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["cache-control"], "no-cache, no-transform");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
    assert_eq!(stream.headers["turnwire-contract"], "1");
    let turn_id = stream.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
    let frames = stream.rest().await;
    assert!(
        stream.bytes.starts_with(b"retry: 1000\n: ok\nid: 1\nevent: turn.started\ndata: "),
        "{:?}",
        &stream.bytes[..80]
    );
    let types = types(&frames);
    assert_eq!(types.first().map(String::as_str), Some("turn.started"));
    assert_eq!(types.last().map(String::as_str), Some("turn.completed"));
    for (at, frame) in frames.iter().enumerate() {
        assert_eq!(frame.id, (at + 1).to_string(), "numbered from 1 without a hole");
        let event = frame.json();
        assert_eq!(event["chatId"], chat.as_str());
        assert_eq!(event["turnId"], turn_id.as_str());
        assert_eq!(Some(event["type"].as_str().unwrap()), frame.event.as_deref());
    }
    let turn = fold(&frames).into_turn();
    assert_eq!(turn.status.as_str(), "completed");
    assert!(turn.text().contains("Hello there"), "{}", turn.text());

    let told = service.call("GET", &format!("/{chat}/turns/{turn_id}"), None).await.json();
    assert_eq!(told, serde_json::to_value(&turn).unwrap(), "the turn as a value is the fold of its events");
    let again = service.open(service.request("GET", &format!("/{chat}/turns/{turn_id}/stream"))).await.rest().await;
    assert_eq!(again, frames, "read again: the same to the byte");
    let from = service.request("GET", &format!("/{chat}/turns/{turn_id}/stream")).header("last-event-id", "3");
    assert_eq!(service.open(from).await.rest().await, frames[3..], "after the third event");
}

/// PROTOCOL SEND-5, FOLD-1, CHAT-5.
#[tokio::test]
async fn a_message_is_the_turn_as_a_value() {
    let service = Service::start().await;
    let chat = service.chat().await;
    for (text, status) in
        [("Say this", "completed"), ("/think", "completed"), ("/tool", "completed"), ("/fail", "failed")]
    {
        let turn = service.turn(&chat, text).await;
        assert_eq!(turn["status"], status, "{text}: {turn}");
        assert_eq!(turn["ended"], true);
        assert_eq!(turn["userMessage"]["parts"][0]["text"], text);
        let id = turn["id"].as_str().unwrap();
        let stream = format!("/{chat}/turns/{id}/stream");
        let frames = service.open(service.request("GET", &stream)).await.rest().await;
        assert_eq!(serde_json::to_value(fold(&frames).turn()).unwrap(), turn, "{text}");
    }
    let files = service.call("GET", &format!("/{chat}/files"), None).await.json();
    assert_eq!(files["chatId"], chat.as_str());
    assert!(files["files"].as_array().unwrap().iter().any(|file| file["path"] == "hello.txt"), "{files}");
    // All that was said, over pages.
    let (mut said, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(next) = cursor {
        let page = service.call("GET", &format!("/{chat}/messages?limit=2&cursor={next}"), None).await.json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() == 2 || page["nextCursor"].is_null(), "{page}");
        said.extend(data.iter().cloned());
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    let ids: std::collections::BTreeSet<_> = said.iter().map(|message| message["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), said.len(), "each message once");
    let prompts = said.iter().filter(|message| message["role"] == "user").map(|message| &message["parts"][0]["text"]);
    assert_eq!(prompts.collect::<Vec<_>>(), ["Say this", "/think", "/tool", "/fail"]);
    let roles: Vec<_> = said.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles[..4], ["user", "assistant", "user", "assistant"]);
    assert_eq!(roles[4..7], ["user", "assistant", "assistant"], "a tool turn has two answers");
}

/// PROTOCOL SEND-2, CANCEL-1, CANCEL-2, RESUME-7.
#[tokio::test]
async fn a_second_turn_meets_a_conflict_that_names_the_first() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut first = service.respond(&chat, "/slow 1000").await;
    let turn_id = first.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
    first.until(|frame| frame.data.contains("\"delta\"")).await;
    for route in ["respond", "message"] {
        let refused = service.call("POST", &format!("/{chat}/{route}"), Some(prompt("Me too"))).await;
        assert_eq!(refused.error(409, "turn_conflict")["error"]["activeTurnId"], turn_id.as_str());
    }
    let about = service.call("GET", &format!("/{chat}"), None).await.json();
    assert_eq!(about["activeTurnId"], turn_id.as_str());

    let other = service.call("POST", &format!("/{chat}/cancel"), Some(json!({"turnId": "turn_of_another"}))).await;
    assert_eq!(other.json(), json!({"id": chat, "ok": true}));
    assert_eq!(service.call("GET", &format!("/{chat}"), None).await.json()["activeTurnId"], turn_id.as_str());

    let cancelled = service.call("POST", &format!("/{chat}/cancel"), None).await;
    assert_eq!(cancelled.json(), json!({"id": chat, "ok": true}));
    let end = first.rest().await;
    assert_eq!(end.last().unwrap().json()["status"], "cancelled", "{:?}", types(&end));
    assert!(types(&end).contains(&"turn.status".to_owned()), "a reader sees that a cancel was asked for");
    assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200, "nothing runs: fine too");
    assert_eq!(service.turn(&chat, "Now me").await["status"], "completed");
}

/// PROTOCOL ASK-2, ASK-4, ASK-7.
#[tokio::test]
async fn a_question_is_answered_or_refused() {
    let service = Service::start().await;
    let chat = service.chat().await;
    for (refuse, status) in [(false, "completed"), (true, "blocked")] {
        let mut stream = service.respond(&chat, "/ask").await;
        let asked = stream.until(|frame| frame.data.contains("\"requests\":[{")).await;
        let request = asked.last().unwrap().json()["requests"][0].clone();
        let id = request["requestId"].as_str().unwrap();
        let label = request["questions"][0]["options"][0]["label"].clone();
        let wrong = service.call("POST", &format!("/{chat}/question/{id}/reply"), Some(json!({"answers": []}))).await;
        wrong.error(400, "invalid_request");
        service.call("POST", &format!("/{chat}/question/que_none/reject"), None).await.error(404, "question_not_found");
        let answer = if refuse {
            service.call("POST", &format!("/{chat}/question/{id}/reject"), None).await
        } else {
            let body = json!({"answers": [[label]]});
            service.call("POST", &format!("/{chat}/question/{id}/reply"), Some(body)).await
        };
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        let rest = stream.rest().await;
        assert_eq!(rest.last().unwrap().json()["status"], status);
        service.call("POST", &format!("/{chat}/question/{id}/reject"), None).await.error(404, "question_not_found");
    }
}

/// PROTOCOL SEND-8, SEND-9.
#[tokio::test]
async fn the_same_idempotency_key_starts_one_turn() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let ask = |text: &str, route: &str| {
        service
            .request("POST", &format!("/{chat}/{route}"))
            .header("idempotency-key", "k1")
            .body(prompt(text).to_string())
    };
    let mut first = service.open(ask("/slow 5", "respond")).await;
    first.next().await.unwrap();
    let mut second = service.open(ask("/slow 5", "respond")).await;
    assert_eq!(first.headers["turnwire-turn-id"], second.headers["turnwire-turn-id"]);
    let (first, second) = (first.rest().await, second.rest().await);
    assert_eq!(second[0].event.as_deref(), Some("turn.started"), "from its first event");
    assert_eq!(second[1..], first[..]);
    let third = common::send(ask("something else", "respond")).await;
    third.error(422, "idempotency_mismatch");
    let other_route = common::send(ask("/slow 5", "message")).await.json();
    assert_ne!(other_route["id"], second[0].json()["turnId"], "another route is another scope");

    let create = || service.request("POST", "").header("idempotency-key", "c1").body("{}");
    let (one, two) = tokio::join!(common::send(create()), common::send(create()));
    assert_eq!(one.json()["id"], two.json()["id"]);
}

/// PROTOCOL SEND-10.
#[tokio::test]
async fn a_key_whose_prompt_was_refused_is_free_for_it() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let ask = || {
        let request = service.request("POST", &format!("/{chat}/message")).header("idempotency-key", "k1");
        common::send(request.body(prompt("Hello").to_string()))
    };
    let mut first = service.respond(&chat, "/slow 1000").await;
    first.next().await.unwrap();
    ask().await.error(409, "turn_conflict");
    service.call("POST", &format!("/{chat}/cancel"), None).await;
    first.rest().await;
    assert_eq!(ask().await.json()["status"], "completed");
}

/// PROTOCOL SEND-3, SEND-4, RESUME-1, RELAY-3.
#[tokio::test]
async fn a_turn_goes_on_when_its_reader_goes_away() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut stream = service.respond(&chat, "/slow 10").await;
    let turn_id = stream.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
    let cursor: u64 = stream.headers["turnwire-cursor"].to_str().unwrap().parse().unwrap();
    let seen = stream.until(|frame| frame.data.contains("\"delta\"")).await;
    drop(stream);
    let from = service
        .request("GET", &format!("/{chat}/turns/{turn_id}/stream"))
        .header("last-event-id", &seen.last().unwrap().id);
    let mut frames = seen;
    frames.extend(service.open(from).await.rest().await);
    assert_eq!(fold(&frames).turn().status.as_str(), "completed");
    let mut relay = service.relay(&chat, cursor).await;
    let first: Value = relay.next().await.unwrap().json();
    assert_eq!(first["type"], "turnwire.turn.accepted", "the cursor is the number just before the turn");
    assert_eq!(first["properties"]["sessionID"].as_str().map(|id| &id[..4]), Some("ses_"));
}

/// PROTOCOL CHAT-3, RELAY-8.
#[tokio::test]
async fn an_ended_chat_is_read_but_not_written() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let turn = service.turn(&chat, "Remember me").await;
    let ended = service.call("DELETE", &format!("/{chat}"), None).await.json();
    assert_eq!(ended["status"], "ended");
    assert_eq!(ended["costMicros"], turn["usage"]["summary"]["costMicros"]);
    assert!(ended["runtimeId"].as_str().unwrap().starts_with("ses_"));
    assert_eq!(service.call("DELETE", &format!("/{chat}"), None).await.json(), ended, "again: the same figures");
    for (method, path) in [("POST", "respond"), ("POST", "message")] {
        service.call(method, &format!("/{chat}/{path}"), Some(prompt("x"))).await.error(410, "chat_ended");
    }
    service.call("POST", &format!("/{chat}/stream-token"), None).await.error(410, "chat_ended");
    service.call("GET", &format!("/{chat}/files"), None).await.error(410, "chat_ended");
    assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
    assert_eq!(service.call("GET", &format!("/{chat}"), None).await.json()["status"], "ended");
    let id = turn["id"].as_str().unwrap();
    assert_eq!(service.call("GET", &format!("/{chat}/turns/{id}"), None).await.json(), turn);
    let all = service.relay(&chat, 0).await.rest().await;
    assert_eq!(all.last().unwrap().json()["type"], "turnwire.chat.ended");
    let head = all.last().unwrap().id.parse().unwrap();
    assert_eq!(service.relay(&chat, head).await.status, 204);
    let live = service.open(service.request("GET", &format!("/{chat}/stream"))).await;
    assert_eq!(live.status, 204, "nothing live comes of it");
    let listed = service.call("GET", &format!("{PREFIX}?status=ended"), None).await.json();
    assert_eq!(listed["data"][0]["id"], chat.as_str());
}

/// PROTOCOL CHAT-4.
#[tokio::test]
async fn deleting_a_chat_interrupts_its_turn() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut stream = service.respond(&chat, "/slow 1000").await;
    stream.until(|frame| frame.data.contains("\"delta\"")).await;
    assert_eq!(service.call("DELETE", &format!("/{chat}"), None).await.status, 200);
    let rest = stream.rest().await;
    assert_eq!(rest.last().unwrap().json()["status"], "interrupted");
}

/// PROTOCOL LIMIT-3, ASK-7.
#[tokio::test]
async fn a_turn_that_takes_too_long_is_stopped_and_the_chat_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(folder.path());
    config.limits.turn_time = std::time::Duration::from_millis(300);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    for text in ["/slow 1000", "/ask"] {
        let turn = service.turn(&chat, text).await;
        assert_eq!(turn["status"], "failed", "{text}: {turn}");
        assert_eq!(turn["error"]["code"], "runtime_timeout", "{text}: {turn}");
        assert_eq!(turn["requests"], json!([]));
    }
    assert_eq!(service.turn(&chat, "Quick").await["status"], "completed");
    service.stop().await;
}

#[tokio::test]
async fn what_happens_is_counted() {
    let service = Service::start().await;
    let chat = service.chat().await;
    service.turn(&chat, "One").await;
    service.turn(&chat, "/fail").await;
    let mut open = service.relay(&chat, 0).await;
    open.next().await.unwrap();
    let answer = common::send(service.http.get(format!("{}/metrics", service.url))).await;
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for line in [
        "turnwire_turns_accepted_total 2",
        "turnwire_turns_ended_total{status=\"completed\"} 1",
        "turnwire_turns_ended_total{status=\"failed\"} 1",
        "turnwire_streams_open 1",
        "turnwire_chats_awake 1",
        "turnwire_turns_open 0",
        "turnwire_requests_total{method=\"POST\",status=\"200\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains(&chat), "no ids in figures");
}

/// PROTOCOL STREAM-8, RELAY-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_chats_at_once_do_not_mix_and_do_not_stop_each_other() {
    let service = Service::start().await;
    let mut chats = Vec::new();
    for _ in 0..40 {
        chats.push(service.chat().await);
    }
    let turns = chats.iter().zip(100..).map(|(chat, words)| {
        let service = &service;
        async move {
            let turn = service.turn(chat, &format!("/long {words}")).await;
            assert_eq!(turn["status"], "completed", "{turn}");
            assert_eq!(turn["chatId"], chat.as_str());
            assert_eq!(turn["text"].as_str().unwrap().split_whitespace().count(), words);
        }
    });
    futures_util::future::join_all(turns).await;
    for chat in &chats {
        let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].to_string();
        let log = service.relay(chat, 0).await.until(|frame| frame.id == head).await;
        let sessions: std::collections::HashSet<_> =
            log.iter().map(|frame| frame.json()["properties"]["sessionID"].to_string()).collect();
        assert_eq!(sessions.len(), 1, "only events of this chat's session");
        assert!(log.iter().zip(1_u64..).all(|(frame, number)| frame.id == number.to_string()));
    }
}

/// PROTOCOL LIMIT-3, STATUS-1.
#[tokio::test]
async fn a_turn_of_too_many_steps_is_stopped_and_the_next_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(folder.path());
    config.limits.turn_steps = 4;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let turn = service.turn(&chat, "/loop").await;
    assert_eq!((&turn["status"], &turn["error"]["code"]), (&json!("failed"), &json!("turn_limit")), "{turn}");
    assert!(turn["error"]["message"].as_str().unwrap().contains("4 messages"), "{turn}");
    assert!(turn["messages"].as_array().unwrap().len() > 4, "{turn}");
    let next = service.turn(&chat, "Enough").await;
    assert_eq!((&next["status"], &next["text"]), (&json!("completed"), &json!("Enough")));
    service.stop().await;
}
