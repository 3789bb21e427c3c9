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

/// A prompt that nobody here sent, and an answer to it. `finish`: none where it is still being given.
fn said(number: u32, text: &str, finish: Option<&str>) -> Vec<Value> {
    let (prompt, answer) = (format!("msg_zzzzzzzzzz{number}1"), format!("msg_zzzzzzzzzz{number}2"));
    let part = |message: &str, text: &str| json!([{ "id": format!("prt_{message}"), "messageID": message, "sessionID": "ses_1", "type": "text", "text": text }]);
    let user = json!({ "id": prompt, "sessionID": "ses_1", "role": "user", "time": { "created": 1 } });
    let mut agent = json!({ "id": answer, "sessionID": "ses_1", "role": "assistant", "parentID": prompt, "time": { "created": 1 } });
    if let Some(finish) = finish {
        agent["finish"] = json!(finish);
        agent["time"]["completed"] = json!(2);
    }
    vec![
        json!({ "info": user, "parts": part(&prompt, text) }),
        json!({ "info": agent, "parts": part(&answer, &format!("You said {text}")) }),
    ]
}

fn turn_of(number: u32) -> String {
    turnwire::TurnId::of_message(&format!("msg_zzzzzzzzzz{number}1")).as_str().to_owned()
}

#[tokio::test]
async fn a_turn_that_began_by_itself_while_nobody_heard_is_listed_and_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let (service, stand_in, mut heard) = StandIn::start(folder.path(), |_| {}).await;
    let chat = service.chat().await;
    let mut relay = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId=0&view=turns"))).await;
    {
        let mut has = stand_in.has();
        has.messages = said(1, "Go on", None);
        has.events = None;
    }
    relay.until(|frame| frame.data.contains("You said Go on")).await;
    let turn = turn_of(1);
    assert_eq!(service.call("GET", &format!("/{chat}"), None).await.json()["activeTurnId"], *turn);
    let told = service.call("GET", &format!("/{chat}/turns/{turn}"), None).await.json();
    assert_eq!((&told["status"], &told["userMessage"]["parts"][0]["text"]), (&json!("running"), &json!("Go on")));
    let conflict = service.call("POST", &format!("/{chat}/respond"), Some(common::prompt("x"))).await;
    assert_eq!(conflict.error(409, "turn_conflict")["error"]["activeTurnId"], *turn);

    let path = format!("/{chat}/cancel");
    let cancel = service.call("POST", &path, None);
    let (cancelled, ()) = tokio::join!(cancel, async {
        asked(&mut heard, "POST /session/ses_1/abort").await;
        stand_in.has().idle = true;
        stand_in.tell("session.status", &json!({ "sessionID": "ses_1", "status": { "type": "idle" } }));
    });
    assert_eq!(cancelled.status, 200);
    let told = service.call("GET", &format!("/{chat}/turns/{turn}"), None).await.json();
    assert_eq!((&told["status"], &told["ended"]), (&json!("cancelled"), &json!(true)));
    service.stop().await;
}

#[tokio::test]
async fn turns_that_began_and_ended_while_nobody_heard_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (service, stand_in, _heard) = StandIn::start(folder.path(), |_| {}).await;
    let chat = service.chat().await;
    let mut relay = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId=0&view=turns"))).await;
    // Two at once, then one more; what was told is there still.
    for missed in [2, 3] {
        {
            let mut has = stand_in.has();
            has.idle = true;
            has.messages =
                (1..=missed).flat_map(|number| said(number, &format!("word {number}"), Some("stop"))).collect();
            has.events = None;
        }
        relay.until(|frame| frame.data.contains("turn.completed") && frame.json()["turnId"] == *turn_of(missed)).await;
    }
    for number in 1..=3 {
        let told = service.call("GET", &format!("/{chat}/turns/{}", turn_of(number)), None).await.json();
        assert_eq!((&told["status"], &told["text"]), (&json!("completed"), &json!(format!("You said word {number}"))));
    }
    let newest = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    let log = service.relay(&chat, 0).await.until(|frame| frame.id == newest.to_string()).await;
    assert_eq!(log.iter().filter(|frame| frame.json()["type"] == "turnwire.snapshot").count(), 3);
    service.stop().await;
}
