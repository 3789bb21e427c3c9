//! What is let go of: deltas of ended turns first, then turns. Numbers stay, and a reader who is too late is told so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, config};
use std::time::Duration;

fn deltas(frames: &[Frame]) -> usize {
    frames.iter().filter(|frame| frame.data.contains("\"type\":\"message.part.delta\"")).count()
}

/// Numbers follow one another, but where a frame says that they do not.
fn no_silent_hole(frames: &[Frame]) {
    let (mut next, mut gaps) = (1, 0);
    for frame in frames {
        if frame.event.as_deref() == Some("gap") {
            next = frame.json()["oldest"].as_u64().unwrap();
            gaps += 1;
        } else {
            assert_eq!(frame.id, next.to_string());
            next += 1;
        }
    }
    assert!(gaps > 0);
}

/// Until something of the chat's first turn was let go of: a reader who is late is told so.
async fn let_go(service: &Service, chat: &str) {
    while service.relay(chat, 5).await.next().await.unwrap().event.is_none() {
        tokio::task::yield_now().await;
    }
}

/// The whole log.
async fn log(service: &Service, chat: &str) -> Vec<Frame> {
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].to_string();
    service.relay(chat, 0).await.until(|frame| frame.id == head).await
}

/// PROTOCOL RESUME-8, RELAY-4.
#[tokio::test]
async fn deltas_go_and_the_turn_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.keep_deltas = Some(Duration::ZERO);
    config.limits.idle_timeout = Duration::from_millis(200);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let turn = service.turn(&chat, "/long 500").await;
    let_go(&service, &chat).await;
    let whole = format!("/{chat}/turns/{}/stream", turn["id"].as_str().unwrap());
    // What was told last is in memory for a while; another server has only what is kept.
    service.stop().await;
    let service = Service::with(common::config(folder.path())).await;
    let kept = log(&service, &chat).await;
    assert_eq!(deltas(&kept), 0);
    no_silent_hole(&kept);
    let mut turns = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId=0&view=turns"))).await;
    let turns = turns.until(|frame| frame.data.contains("\"turn.completed\"")).await;
    assert!(turns.iter().any(|frame| frame.event.as_deref() == Some("gap")), "its numbers have holes too");
    // Whatever a reader had of it: it gets to the turn's end.
    for had in ["1", "20", "300", "100000"] {
        let again = service.request("GET", &whole).header("last-event-id", had);
        let again = service.open(again).await.rest().await;
        assert_eq!((again[0].id.as_str(), again[0].event.as_deref()), ("1", Some("turn.started")));
        assert_eq!(again.last().unwrap().event.as_deref(), Some("turn.completed"));
    }
    let id = turn["id"].as_str().unwrap();
    let told = service.call("GET", &format!("/{chat}/turns/{id}"), None).await.json();
    assert_eq!((&told["text"], &told["usage"], &told["status"]), (&turn["text"], &turn["usage"], &turn["status"]));
    let mut late = service.relay(&chat, 5).await;
    let gap = late.next().await.unwrap();
    assert_eq!(gap.event.as_deref(), Some("gap"));
    let oldest = gap.json()["oldest"].as_u64().unwrap();
    assert!(oldest > 500, "{gap:?}");
    let next = service.turn(&chat, "On").await;
    assert_eq!(next["status"], "completed");
    let first: u64 = late.next().await.unwrap().id.parse().unwrap();
    assert_eq!(first, oldest, "then from there on");
    service.stop().await;
}

#[tokio::test]
async fn an_interrupted_turn_keeps_the_text_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let chat = service.chat().await;
    let mut stream = service.respond(&chat, "/slow 1000").await;
    stream.until(|frame| frame.data.contains("\"delta\"")).await;
    service.stop().await;
    let id = stream.rest().await.last().unwrap().json()["turnId"].as_str().unwrap().to_owned();

    let service = Service::with(config(folder.path())).await;
    let before = service.call("GET", &format!("/{chat}/turns/{id}"), None).await.json();
    assert_eq!(before["status"], "interrupted");
    service.stop().await;
    let mut config = config(folder.path());
    config.limits.keep_deltas = Some(Duration::ZERO);
    config.limits.idle_timeout = Duration::from_millis(200);
    let service = Service::with(config).await;
    let marker = service.chat().await;
    service.turn(&marker, "/long 50").await;
    // Turns are let go of oldest first: once the later one is thin, the earlier one was looked at.
    let_go(&service, &marker).await;
    assert_eq!(service.call("GET", &format!("/{chat}/turns/{id}"), None).await.json(), before);
    service.stop().await;
}

/// PROTOCOL SEND-9, RELAY-4.
#[tokio::test]
async fn turns_go_and_numbers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.keep_turns = Some(Duration::ZERO);
    config.limits.idle_timeout = Duration::from_millis(200);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let under_a_key = || {
        let request = service.request("POST", &format!("/{chat}/message")).header("idempotency-key", "k");
        common::send(request.body(common::prompt("/tool").to_string()))
    };
    let turn = under_a_key().await.json();
    let path = format!("/{chat}/turns/{}", turn["id"].as_str().unwrap());
    while service.call("GET", &path, None).await.status == 200 {
        tokio::task::yield_now().await;
    }
    service.call("GET", &path, None).await.error(404, "turn_not_found");
    under_a_key().await.error(404, "turn_not_found");
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    let mut late = service.relay(&chat, 1).await;
    assert_eq!(late.next().await.unwrap().event.as_deref(), Some("gap"));
    assert_eq!(service.turn(&chat, "On").await["status"], "completed");
    let now = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    assert!(now > head, "numbers go on");
    service.stop().await;
}

#[tokio::test]
async fn a_log_that_gets_too_large_lets_go_of_what_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.log_bytes = Some(2 << 20);
    config.limits.idle_timeout = Duration::from_millis(200);
    let service = Service::with(config).await;
    // Several times what fits: each turn alone is about half a megabyte.
    for _ in 0..12 {
        let chat = service.chat().await;
        assert_eq!(service.turn(&chat, "/long 1000").await["status"], "completed");
    }
    service.stop().await;
}
