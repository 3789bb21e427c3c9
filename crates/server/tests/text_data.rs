//! `turnwire-data: text`: for clients whose streams are typed as strings, each `data:` is a JSON string that holds the event.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, Stream, config, prompt, send};
use std::time::Duration;

/// A stream as such a client has it: the reader in `common` takes every `data:` of it for a string, or fails.
async fn as_text(service: &Service, method: &str, path: &str, body: Option<serde_json::Value>) -> Stream {
    let request = service.request(method, path).header("turnwire-data", "text");
    let request = body.into_iter().fold(request, |request, body| request.body(body.to_string()));
    let stream = service.open(request).await;
    assert_eq!((stream.status, stream.headers["turnwire-data"].to_str().unwrap()), (200, "text"));
    stream
}

async fn as_json(service: &Service, path: &str) -> Stream {
    let stream = service.open(service.request("GET", path)).await;
    assert!(!stream.headers.contains_key("turnwire-data"), "nobody asked for it");
    stream
}

fn upto(head: &str) -> impl Fn(&Frame) -> bool + use<'_> {
    move |frame: &Frame| frame.id == head
}

/// PROTOCOL TEXT-1.
#[tokio::test]
async fn a_client_that_takes_events_for_strings_reads_every_stream() {
    let service = Service::start().await;
    let chat = service.chat().await;
    // Live, beside a reader of the other kind.
    let mut text_live = as_text(&service, "GET", &format!("/{chat}/stream?lastEventId=0"), None).await;
    let mut json_live = as_json(&service, &format!("/{chat}/stream?lastEventId=0")).await;
    let said = "/tool \"quoted\" \\ ä 🚀 \u{2028}";
    let turn = as_text(&service, "POST", &format!("/{chat}/respond"), Some(prompt(said))).await.rest().await;
    assert_eq!(turn.last().unwrap().event.as_deref(), Some("turn.completed"));
    let id = turn[0].json()["turnId"].as_str().unwrap().to_owned();
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].to_string();
    let told = text_live.until(upto(&head)).await;
    assert_eq!(told, json_live.until(upto(&head)).await, "the same events, in other clothes");

    // Replayed: the relay, its view of turns, the turn.
    let relay = format!("/{chat}/stream?lastEventId=0");
    assert_eq!(as_text(&service, "GET", &relay, None).await.until(upto(&head)).await, told);
    let view = format!("/{chat}/stream?lastEventId=0&view=turns");
    let over = |frame: &Frame| frame.data.contains("\"turn.completed\"");
    let text_view = as_text(&service, "GET", &view, None).await.until(over).await;
    assert_eq!(text_view, as_json(&service, &view).await.until(over).await);
    let path = format!("/{chat}/turns/{id}/stream");
    assert_eq!(as_text(&service, "GET", &path, None).await.rest().await, turn);
    assert_eq!(as_json(&service, &path).await.rest().await, turn);

    // Beyond the head: the frame that says so, too.
    for path in [&relay, &view] {
        let beyond = path.replace("lastEventId=0", "lastEventId=100000");
        let first = as_text(&service, "GET", &beyond, None).await.next().await.unwrap();
        assert_eq!(first.event.as_deref(), Some("reset"));
        assert!(first.json()["head"].is_u64());
    }
    service.stop().await;
}

/// PROTOCOL TEXT-1.
#[tokio::test]
async fn a_gap_is_told_as_a_string_where_all_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.keep_deltas = Some(Duration::ZERO);
    config.limits.idle_timeout = Duration::from_millis(200);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    service.turn(&chat, "/long 200").await;
    // Until something of the turn was let go of.
    while service.relay(&chat, 5).await.next().await.unwrap().event.is_none() {
        tokio::task::yield_now().await;
    }
    for view in ["", "&view=turns"] {
        let path = format!("/{chat}/stream?lastEventId=5{view}");
        let first = as_text(&service, "GET", &path, None).await.next().await.unwrap();
        assert_eq!(first.event.as_deref(), Some("gap"), "{view}");
        assert!(first.json()["oldest"].is_u64());
    }
    service.stop().await;
}

/// PROTOCOL TEXT-2.
#[tokio::test]
async fn what_data_should_be_is_asked_for_by_name_or_refused() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let turn = service.turn(&chat, "Hello").await["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("POST", format!("/{chat}/respond")),
        ("GET", format!("/{chat}/stream")),
        ("GET", format!("/{chat}/turns/{turn}/stream")),
    ] {
        let strange = service.request(method, &path).header("turnwire-data", "xml").body(prompt("x").to_string());
        send(strange).await.error(400, "invalid_request");
    }
    let about = service.call("GET", &format!("/{chat}"), None).await.json();
    assert!(about.get("activeTurnId").is_none(), "what was refused started nothing");
    // A client of that kind that did not ask gets what everybody gets.
    let request = service.request("GET", &format!("/{chat}/turns/{turn}/stream"));
    let stream =
        service.open(request.header("user-agent", "Casedev/Java 0.51.0").header("turnwire-data", "json")).await;
    assert!(!stream.headers.contains_key("turnwire-data"));
    service.stop().await;
}
