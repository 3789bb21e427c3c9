//! The connection to `OpenCode` breaks in the middle of a turn: what was missed is made up for. A stand-in speaks for it, as the real one
//! cannot be made to break it at a given event.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::stand_in::{StandIn, asked};
use common::{Frame, Stream};
use serde_json::{Value, json};

fn requests(frame: &Frame) -> Option<Vec<String>> {
    let event = frame.json();
    let requests = event.get("requests").and_then(Value::as_array).cloned().unwrap_or_default();
    (event["type"] == "turn.status")
        .then(|| requests.iter().map(|request| request["requestId"].as_str().unwrap().to_owned()).collect())
}

/// Reads on until just these are open.
async fn until_open(turn: &mut Stream, wanted: &[&str]) {
    turn.until(|frame| requests(frame).is_some_and(|open| open == wanted)).await;
}

#[tokio::test]
async fn what_is_asked_while_nobody_hears_is_told_once_it_is_heard_again() {
    let folder = tempfile::tempdir().unwrap();
    let (service, stand_in, mut heard) = StandIn::start(folder.path(), |_| {}).await;
    let chat = service.chat().await;
    let mut turn = service.respond(&chat, "Hello").await;
    let user = asked(&mut heard, "POST /session/ses_1/prompt_async").await["messageID"].clone();
    let info = json!({ "id": "msg_zzzzzzzzzzzz1", "sessionID": "ses_1", "role": "assistant", "parentID": user });
    let tool = |id: &str, name: &str| {
        json!({ "id": format!("prt_{id}"), "type": "tool", "callID": id, "tool": name, "sessionID": "ses_1",
            "messageID": info["id"], "state": { "status": "running", "input": {} } })
    };
    let by = |call: &str| json!({ "messageID": info["id"], "callID": call });
    let parts = json!([tool("call_1", "question"), tool("call_2", "bash"), tool("call_3", "task")]);
    stand_in.has().messages = vec![
        json!({ "info": { "id": user, "sessionID": "ses_1", "role": "user" }, "parts": [] }),
        json!({ "info": info, "parts": parts }),
    ];
    stand_in.tell("session.status", &json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
    stand_in.tell("message.updated", &json!({ "sessionID": "ses_1", "info": info }));
    turn.until(|frame| frame.data.contains("message.created")).await;

    // The connection breaks; meanwhile two things are asked, one of them by a subagent that nobody heard of.
    let question = json!({ "question": "Which?", "header": "One", "options": [{ "label": "a", "description": "A" }] });
    let first = json!({ "id": "que_1", "sessionID": "ses_1", "questions": [question], "tool": by("call_1") });
    let permission = json!({ "id": "per_1", "sessionID": "ses_child", "permission": "bash", "patterns": ["ls"],
        "metadata": {}, "always": [] });
    {
        let mut has = stand_in.has();
        has.questions = json!([first]);
        has.permissions = json!([permission]);
        has.events = None;
    }
    until_open(&mut turn, &["que_1", "per_1"]).await;
    let reply = json!({ "answers": [["a"]] });
    assert_eq!(service.call("POST", &format!("/{chat}/question/que_1/reply"), Some(reply)).await.status, 204);
    assert_eq!(asked(&mut heard, "POST /question/que_1/reply").await["answers"], json!([["a"]]));

    // It breaks again before the answer is told. What is open still is not told twice, what no longer is is closed.
    {
        let mut has = stand_in.has();
        has.questions = json!([]);
        has.events = None;
    }
    until_open(&mut turn, &["per_1"]).await;
    // The subagent's session is known now: what it says is heard.
    stand_in.tell("permission.replied", &json!({ "sessionID": "ses_child", "requestID": "per_1", "reply": "once" }));
    until_open(&mut turn, &[]).await;
    service
        .call("POST", &format!("/{chat}/permission/per_1/reply"), Some(json!({ "reply": "once" })))
        .await
        .error(404, "permission_not_found");

    // It goes on as if nothing had been.
    let mut ended = info.clone();
    ended["time"] = json!({ "created": 1, "completed": 2 });
    ended["finish"] = json!("stop");
    for id in ["call_1", "call_2", "call_3"] {
        let mut part = tool(id, "bash");
        part["state"] = json!({ "status": "completed", "input": {}, "output": "", "title": "", "metadata": {} });
        stand_in.tell("message.part.updated", &json!({ "sessionID": "ses_1", "part": part }));
    }
    stand_in.tell("message.updated", &json!({ "sessionID": "ses_1", "info": ended }));
    stand_in.tell("session.status", &json!({ "sessionID": "ses_1", "status": { "type": "idle" } }));
    let last = turn.rest().await.pop().unwrap().json();
    assert_eq!((&last["type"], &last["status"]), (&json!("turn.completed"), &json!("completed")));

    // What stands in the log is told to whoever reads it later, once.
    let newest = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    let log = service.relay(&chat, 0).await.until(|frame| frame.id == newest.to_string()).await;
    let count = |wanted: &str| log.iter().filter(|frame| frame.json()["type"] == wanted).count();
    let counted = ["question.asked", "permission.asked", "question.replied", "permission.replied"].map(count);
    assert_eq!(counted, [1, 1, 1, 1]);
    let again = service
        .open(service.request("GET", &format!("/{chat}/turns/{}/stream", last["turnId"].as_str().unwrap())))
        .await
        .rest()
        .await;
    assert_eq!(again.last().unwrap().json(), last);
    service.stop().await;
}
