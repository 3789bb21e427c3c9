//! The contract in `spec/` and the server: the same routes, and what is served is what stands there. (Every answer and every frame of
//! every other test is held against it too, in `common`.)
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::spec::{events, openapi, spec};
use common::{PREFIX, Service, prompt};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// PROTOCOL HTTP-1.
#[tokio::test]
async fn the_contract_that_is_served_is_the_one_in_the_repository() {
    let service = Service::start().await;
    assert_eq!(service.call("GET", "/openapi.json", None).await.json(), openapi());
    assert_eq!(service.call("GET", "/events.schema.json", None).await.json(), events());
}

/// Calls, and the operations they were.
struct Caller {
    service: Service,
    called: BTreeSet<String>,
}

impl Caller {
    fn note(&mut self, method: &str, path: &str) {
        let path =
            if path.starts_with("/chat_") || path.is_empty() { format!("{PREFIX}{path}") } else { path.to_owned() };
        let operation =
            spec().operation(method, &path).unwrap_or_else(|| panic!("{method} {path} is not in the contract"));
        self.called.insert(operation["operationId"].as_str().unwrap().to_owned());
    }

    async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.note(method, path);
        let answer = self.service.call(method, path, body).await;
        assert!(matches!(answer.status, 200 | 204), "{method} {path}: {answer:?}");
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }
}

/// PROTOCOL HTTP-1, VAL-1, VAL-2, SEND-5.
#[tokio::test]
async fn every_operation_of_the_contract_is_there_and_answers_as_it_says() {
    let mut caller = Caller { service: Service::start().await, called: BTreeSet::new() };
    for path in ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/events.schema.json"] {
        caller.call("GET", path, None).await;
    }
    let new = json!({ "title": "All of it", "model": null, "idleTimeoutMs": 60_000, "vaultIds": [] });
    let chat = caller.call("POST", "", Some(new)).await["id"].as_str().unwrap().to_owned();
    caller.call("GET", "", None).await;
    caller.call("GET", &format!("/{chat}"), None).await;
    caller.call("PATCH", &format!("/{chat}"), Some(json!({ "title": "Renamed" }))).await;
    caller.call("POST", &format!("/{chat}/stream-token"), None).await;
    let turn = caller.call("POST", &format!("/{chat}/message"), Some(prompt("/tool"))).await;
    let turn = turn["id"].as_str().unwrap().to_owned();
    caller.call("GET", &format!("/{chat}/turns/{turn}"), None).await;
    let messages = caller.call("GET", &format!("/{chat}/messages"), None).await;
    assert!(!messages["data"].as_array().unwrap().is_empty());
    let path = format!("/{chat}/turns/{turn}/stream");
    caller.note("GET", &path);
    assert!(!caller.service.open(caller.service.request("GET", &path)).await.rest().await.is_empty());

    caller.call("PUT", &format!("/{chat}/files/notes/new.txt"), None).await;
    let listed = caller.call("GET", &format!("/{chat}/files"), None).await;
    assert_eq!(listed["files"].as_array().unwrap().len(), 2);
    caller.call("GET", &format!("/{chat}/files/notes/new.txt"), None).await;
    caller.call("DELETE", &format!("/{chat}/files/notes/new.txt"), None).await;

    // A question answered, another refused, and the turn of a third cancelled.
    for end in ["reply", "reject", "cancel"] {
        caller.note("POST", &format!("/{chat}/respond"));
        let mut asked = caller.service.respond(&chat, "/ask").await;
        let frames = asked.until(|frame| frame.data.contains("\"requests\":[{")).await;
        let request = frames.last().unwrap().json()["requests"][0]["requestId"].as_str().unwrap().to_owned();
        let path =
            if end == "cancel" { format!("/{chat}/cancel") } else { format!("/{chat}/question/{request}/{end}") };
        caller.call("POST", &path, (end == "reply").then(|| json!({ "answers": [["yes"]] }))).await;
        assert!(asked.rest().await.last().unwrap().data.contains("turn.completed"));
    }
    // The practice agent never asks for a permission: it is refused as the contract has it.
    let path = format!("/{chat}/permission/per_none/reply");
    caller.note("POST", &path);
    caller.service.call("POST", &path, Some(json!({ "reply": "once" }))).await.error(404, "permission_not_found");

    let head = caller.call("GET", &format!("/{chat}"), None).await["lastEventId"].as_u64().unwrap();
    caller.note("GET", &format!("/{chat}/stream"));
    for view in ["", "&view=turns"] {
        let path = format!("/{chat}/stream?lastEventId=0{view}");
        let mut relay = caller.service.open(caller.service.request("GET", &path)).await;
        relay
            .until(|frame| view.is_empty() && frame.id == head.to_string() || frame.data.contains("turn.completed"))
            .await;
    }
    caller.call("DELETE", &format!("/{chat}"), None).await;
    let refused = caller.service.call("PATCH", &format!("/{chat}"), Some(json!({ "title": "Too late" }))).await;
    refused.error(410, "chat_ended");
    let missing: Vec<_> = spec().operations().filter(|operation| !caller.called.contains(*operation)).collect();
    assert!(missing.is_empty(), "nobody called {missing:?}");
}

/// PROTOCOL VER-6. What a newer client sends beside what this server knows is neither refused nor handed on.
#[tokio::test]
async fn unknown_fields_are_ignored_in_every_body_and_query() {
    let service = Service::start().await;
    let known = |mut body: Value| {
        body["unknown"] = json!({ "of": ["a", "newer", "client"] });
        Some(body)
    };
    let chat = service.call("POST", "", known(json!({ "title": "T" }))).await.json();
    assert_eq!((&chat["title"], chat.get("unknown")), (&json!("T"), None));
    let id = chat["id"].as_str().unwrap();
    let part = json!({ "type": "text", "text": "Hello", "unknown": 1 });
    let turn = service.call("POST", &format!("/{id}/message"), known(json!({ "parts": [part] }))).await.json();
    assert_eq!(turn["status"], "completed");
    assert_eq!(
        turn["userMessage"]["parts"],
        json!([{ "type": "text", "text": "Hello" }]),
        "nothing of it is handed on"
    );
    let changed = service.call("PATCH", &format!("/{id}"), known(json!({ "title": "U" }))).await;
    assert_eq!((changed.status, &changed.json()["title"]), (200, &json!("U")));
    assert_eq!(service.call("POST", &format!("/{id}/cancel"), known(json!({}))).await.status, 200);
    let reply = format!("/{id}/question/que_none/reply");
    service.call("POST", &reply, known(json!({ "answers": [["a"]] }))).await.error(404, "question_not_found");
    let reply = format!("/{id}/permission/per_none/reply");
    service.call("POST", &reply, known(json!({ "reply": "once" }))).await.error(404, "permission_not_found");
    for path in ["?unknown=1", &format!("/{id}/messages?unknown=1"), &format!("/{id}?unknown=1")] {
        assert_eq!(service.call("GET", path, None).await.status, 200, "{path}");
    }
    // One key stands for one body, whatever of it is known.
    let under_a_key = |body: Option<Value>| {
        let request = service.request("POST", &format!("/{id}/message")).header("idempotency-key", "k");
        common::send(request.body(body.unwrap().to_string()))
    };
    assert_eq!(under_a_key(Some(prompt("One"))).await.status, 200);
    under_a_key(known(prompt("One"))).await.error(422, "idempotency_mismatch");
}
