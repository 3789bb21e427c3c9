//! Turns: their events, their replay, what a caller does with them.

use super::wire::{Done, Frame, Live, Server, ensure, prompt_of, whole};
use crate::conformance::difference;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use turnwire::{Event, TurnAccumulator};

/// The rules that hold for the events of every turn.
fn invariants(frames: &[Frame]) -> Done {
    let kinds: Vec<&str> = frames.iter().map(|frame| frame.data["type"].as_str().unwrap_or_default()).collect();
    let count = |kind: &str| kinds.iter().filter(|known| **known == kind).count();
    ensure!(
        kinds.first() == Some(&"turn.started") && count("turn.started") == 1,
        "it begins with {:?} (PROTOCOL STREAM-1)",
        kinds.first()
    );
    ensure!(
        kinds.last() == Some(&"turn.completed") && count("turn.completed") == 1,
        "it ends with {:?} (PROTOCOL STREAM-1)",
        kinds.last()
    );
    ensure!(
        kinds.iter().rev().nth(1) == Some(&"session.usage") && count("session.usage") == 1,
        "session.usage is not the last but one: {kinds:?} (PROTOCOL STREAM-9)"
    );
    let mut messages: HashMap<&str, bool> = HashMap::new();
    // Whether a part is open, its message, its type.
    let mut parts: HashMap<&str, (bool, &str, &str)> = HashMap::new();
    let (chat, turn) = (&frames[0].data["chatId"], &frames[0].data["turnId"]);
    for (at, frame) in frames.iter().enumerate() {
        let event = &frame.data;
        let named = |name: &str| event[name].as_str().unwrap_or_default();
        let seq = Some(at as u64 + 1);
        ensure!(event["seq"].as_u64() == seq, "the event after {at} has the seq {} (PROTOCOL STREAM-1)", event["seq"]);
        ensure!(
            frame.id == seq && frame.event.as_deref() == Some(kinds[at]),
            "its frame is {frame:?} (PROTOCOL EVENT-1)"
        );
        ensure!(
            event["chatId"] == *chat && event["turnId"] == *turn,
            "it is of another turn: {event} (PROTOCOL STREAM-8)"
        );
        let message = named("messageId");
        match kinds[at] {
            "message.created" => {
                ensure!(messages.insert(message, true).is_none(), "{message} is created twice (PROTOCOL STREAM-2)");
            }
            "message.completed" => {
                let open = parts.iter().find(|(_, (open, of, _))| *open && *of == message);
                ensure!(open.is_none(), "{message} ends before its part {open:?} (PROTOCOL STREAM-2)");
                ensure!(
                    messages.insert(message, false) == Some(true),
                    "{message} ends twice, or unbegun (PROTOCOL STREAM-2)"
                );
            }
            "message.part.updated" => {
                ensure!(
                    messages.get(message) == Some(&true),
                    "a part outside its message: {event} (PROTOCOL STREAM-2)"
                );
                let (id, kind) = (named("partId"), named("partType"));
                let known = parts.get(id);
                let moved = known.is_some_and(|(_, of, was)| *of != message || *was != kind);
                ensure!(!moved, "{id} changes its message or its type: {event} (PROTOCOL STREAM-6)");
                let whole = &event["part"];
                let both = whole.is_null() == event["delta"].is_string();
                ensure!(both, "neither a delta nor a part, or both: {event}");
                let same = whole.is_null() || (whole["id"] == id && whole["type"] == kind);
                ensure!(same, "the part is another than the event says: {event} (PROTOCOL STREAM-6)");
                let first_text =
                    known.is_none() && !whole.is_null() && whole["text"].as_str().is_some_and(|text| !text.is_empty());
                ensure!(
                    !first_text || !matches!(kind, "text" | "reasoning"),
                    "a text without deltas: {event} (PROTOCOL STREAM-4)"
                );
                let open =
                    whole.is_null() || matches!(whole["state"].as_str(), Some("streaming" | "pending" | "running"));
                parts.insert(id, (open, message, kind));
            }
            "turn.status" => {
                let waits = event["status"] == "waiting";
                ensure!(
                    waits == event["requests"].is_array(),
                    "requests without waiting, or the reverse: {event} (PROTOCOL STREAM-10)"
                );
            }
            "session.usage" => {
                let usage = &event["usage"];
                let sum: u64 =
                    ["inputTokens", "outputTokens", "reasoningTokens", "cacheReadTokens", "cacheWriteTokens"]
                        .iter()
                        .filter_map(|name| usage[name].as_u64())
                        .sum();
                ensure!(
                    usage["totalTokens"].as_u64() == Some(sum),
                    "totalTokens is not the sum {sum}: {usage} (PROTOCOL STREAM-9)"
                );
            }
            _ => {}
        }
    }
    let open: HashSet<_> = parts.iter().filter(|(_, (open, ..))| *open).map(|(id, _)| id).collect();
    ensure!(open.is_empty(), "these parts never end: {open:?} (PROTOCOL STREAM-5)");
    Ok(())
}

/// The turn that events make.
fn fold(frames: &[Frame]) -> Done<Value> {
    let mut fold = TurnAccumulator::new();
    for frame in frames {
        fold.push(&Event::parse(&frame.text, None).map_err(|error| error.to_string())?);
    }
    serde_json::to_value(fold.turn()).map_err(|error| error.to_string())
}

fn texts(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.text.as_str()).collect()
}

/// The address of a turn.
fn turn_of(chat: &str, frames: &[Frame]) -> String {
    format!("{chat}/turns/{}", frames[0].data["turnId"].as_str().unwrap_or_default())
}

fn is(kind: &'static str) -> impl Fn(&Frame) -> bool {
    move |frame| frame.data["type"] == kind
}

pub(super) async fn events(server: Server) -> Done {
    let chat = server.chat().await?;
    let stream = Live::open(server.respond(&chat, "one two three")).await?;
    let (turn, cursor) = (stream.header("turnwire-turn-id").to_owned(), stream.header("turnwire-cursor").to_owned());
    let frames = stream.rest().await?;
    ensure!(!frames.is_empty(), "the stream has no event");
    invariants(&frames)?;
    ensure!(frames[0].data["turnId"] == turn, "turnwire-turn-id is {turn:?} (PROTOCOL SEND-3)");
    ensure!(cursor.parse::<u64>().is_ok(), "turnwire-cursor is {cursor:?} (PROTOCOL SEND-3)");
    let user = frames[0].data["userMessage"]["id"].as_str().unwrap_or_default();
    ensure!(turn == user.replacen("msg_", "turn_", 1), "the turn of {user} is {turn} (PROTOCOL TURN-1)");
    let said = &frames[0].data["userMessage"]["parts"][0]["text"];
    ensure!(said == "one two three", "the user's message is {said}");
    Ok(())
}

pub(super) async fn replay(server: Server) -> Done {
    let chat = server.chat().await?;
    let frames = Live::open(server.respond(&chat, "one two three")).await?.rest().await?;
    ensure!(frames.len() > 4, "the turn has {} events", frames.len());
    let turn = turn_of(&chat, &frames);
    let path = format!("{turn}/stream");
    for after in [0, 1, 3, frames.len() - 1, frames.len()] {
        let request = server.request("GET", &path).header("last-event-id", after);
        let rest = Live::open(request).await?.rest().await?;
        ensure!(texts(&rest) == texts(&frames[after..]), "after {after} come other events: {:?}", texts(&rest));
    }
    let all = Live::open(server.request("GET", &path)).await?.rest().await?;
    ensure!(texts(&all) == texts(&frames), "without Last-Event-ID come other events (PROTOCOL STREAM-7)");
    let value = server.get(&turn).await?.object()?;
    let wrong = difference(&fold(&frames)?, &value, "the turn");
    ensure!(wrong.is_none(), "turns/{{turnId}} is not the fold of the events: {wrong:?} (PROTOCOL FOLD-1)");
    server.get(&format!("{chat}/turns/turn_of_nobody")).await?.refused("turn_not_found").map(|_| ())
}

pub(super) async fn once(server: Server) -> Done {
    let chat = server.chat().await?;
    let key = format!("conformance-{}", super::unique());
    let respond = |prompt: &str| server.respond(&chat, prompt).header("idempotency-key", &key);
    let first = Live::open(respond("hello")).await?.rest().await?;
    let second = Live::open(respond("hello")).await?.rest().await?;
    ensure!(texts(&first) == texts(&second), "the same key gives other events (PROTOCOL SEND-8)");
    whole(respond("another"))
        .await?
        .refused("idempotency_mismatch")
        .map_err(|wrong| format!("{wrong} (PROTOCOL SEND-9)"))?;
    let message = || server.json("POST", &format!("{chat}/message"), &prompt_of("hello"));
    let message = || message().header("idempotency-key", format!("{key}-2"));
    let (one, other) = (whole(message()).await?.object()?, whole(message()).await?.object()?);
    ensure!(one == other, "the same key gives {one} and {other} (PROTOCOL SEND-8)");
    Ok(())
}

pub(super) async fn message(server: Server) -> Done {
    let chat = server.chat().await?;
    let turn = server.post(&format!("{chat}/message"), &prompt_of("hello")).await?.object()?;
    ensure!(turn["ended"] == true && turn["status"] == "completed", "the turn is {} (PROTOCOL SEND-5)", turn["status"]);
    let path = format!("{chat}/turns/{}/stream", turn["id"].as_str().unwrap_or_default());
    let frames = Live::open(server.request("GET", &path)).await?.rest().await?;
    let wrong = difference(&fold(&frames)?, &turn, "the turn");
    ensure!(wrong.is_none(), "it is not the fold of its events: {wrong:?} (PROTOCOL FOLD-1)");
    Ok(())
}

pub(super) async fn strings(server: Server) -> Done {
    let chat = server.chat().await?;
    let stream = Live::open(server.respond(&chat, "hello").header("turnwire-data", "text")).await?;
    ensure!(stream.header("turnwire-data") == "text", "the answer does not say turnwire-data: text");
    for frame in stream.rest().await? {
        let text = frame.data.as_str().ok_or_else(|| format!("data is not a string: {}", frame.text))?;
        let event: Value = serde_json::from_str(text).map_err(|error| format!("a string holds no JSON: {error}"))?;
        ensure!(event["seq"].as_u64() == frame.id, "the event {event} is under the id {:?}", frame.id);
    }
    let other = server.respond(&chat, "hello").header("turnwire-data", "xml");
    whole(other)
        .await?
        .refused("invalid_request")
        .map_err(|wrong| format!("another value: {wrong} (PROTOCOL TEXT-2)"))?;
    Ok(())
}

pub(super) async fn disconnect(server: Server) -> Done {
    let chat = server.chat().await?;
    let mut left = Live::open(server.respond(&chat, "/slow 8")).await?;
    let begun = left.until(is("message.part.updated")).await?;
    drop(left);
    let stream =
        server.request("GET", &format!("{}/stream", turn_of(&chat, &begun))).header("last-event-id", begun.len());
    let rest = Live::open(stream).await?.rest().await?;
    let all = [begun, rest].concat();
    invariants(&all)?;
    let status = &all[all.len() - 1].data["status"];
    ensure!(status == "completed", "the turn that was left ended {status} (PROTOCOL SEND-4)");
    Ok(())
}

pub(super) async fn cancel(server: Server) -> Done {
    let chat = server.chat().await?;
    let mut stream = Live::open(server.respond(&chat, "/slow 3000")).await?;
    let begun = stream.until(is("message.part.updated")).await?;
    let turn = &begun[0].data["turnId"];
    let conflict = whole(server.respond(&chat, "hello")).await?.refused("turn_conflict")?;
    ensure!(conflict["error"]["activeTurnId"] == *turn, "the conflict names {} (PROTOCOL SEND-2)", conflict["error"]);
    let active = server.get(&chat).await?.object()?;
    ensure!(
        active["activeTurnId"] == *turn,
        "the chat's activeTurnId is {} (PROTOCOL RESUME-7)",
        active["activeTurnId"]
    );
    let attached = Live::open(server.request("GET", &format!("{}/stream", turn_of(&chat, &begun)))).await?;
    let path = format!("{chat}/cancel");
    server.post(&path, &json!({"turnId": "turn_of_nobody"})).await?.expect(200)?;
    let active = server.get(&chat).await?.object()?;
    ensure!(active["activeTurnId"] == *turn, "the cancel of another turn ended it (PROTOCOL CANCEL-2)");
    server.post(&path, &json!({"turnId": turn})).await?.expect(200)?;
    let all = [begun.clone(), stream.rest().await?].concat();
    invariants(&all)?;
    let status = &all[all.len() - 1].data["status"];
    ensure!(status == "cancelled", "the cancelled turn ended {status} (PROTOCOL CANCEL-1)");
    ensure!(texts(&attached.rest().await?) == texts(&all), "who attached read other events (PROTOCOL RESUME-7)");
    server
        .post(&path, &json!({}))
        .await?
        .expect(200)
        .map_err(|wrong| format!("nothing runs: {wrong} (PROTOCOL CANCEL-1)"))?;
    Ok(())
}

/// Starts a turn that waits for an answer; its stream, the events so far, and the path of its question.
async fn asked(server: &Server, chat: &str) -> Done<(Live, Vec<Frame>, String)> {
    let mut stream = Live::open(server.respond(chat, "/ask")).await?;
    let begun = stream.until(|frame| frame.data["requests"].is_array()).await?;
    let open = &begun[begun.len() - 1].data["requests"];
    ensure!(open.as_array().map(Vec::len) == Some(1), "the open requests are {open} (PROTOCOL ASK-1)");
    let request = &open[0];
    ensure!(request["kind"] == "question", "the request is {request}");
    ensure!(request["questions"][0]["question"].is_string(), "it asks nothing: {request}");
    let path = format!("{chat}/question/{}", request["requestId"].as_str().unwrap_or_default());
    Ok((stream, begun, path))
}

pub(super) async fn question(server: Server) -> Done {
    let chat = server.chat().await?;
    let (stream, begun, path) = asked(&server, &chat).await?;
    let reply = format!("{path}/reply");
    let two = server.post(&reply, &json!({"answers": [["yes"], ["no"]]})).await?;
    two.refused("invalid_request").map_err(|wrong| format!("two lists for one question: {wrong} (PROTOCOL ASK-2)"))?;
    server.post(&reply, &json!({"answers": [["yes"]]})).await?.expect(204)?;
    let all = [begun, stream.rest().await?].concat();
    invariants(&all)?;
    let turn = fold(&all)?;
    ensure!(turn["status"] == "completed", "the answered turn ended {} (PROTOCOL ASK-7)", turn["status"]);
    ensure!(
        turn["text"].as_str().is_some_and(|text| text.contains("yes")),
        "the agent got another answer: {}",
        turn["text"]
    );
    for request in [reply, format!("{chat}/question/que_of_nobody/reply")] {
        let again = server.post(&request, &json!({"answers": [["yes"]]})).await?;
        again.refused("question_not_found").map_err(|wrong| format!("not open: {wrong} (PROTOCOL ASK-4)"))?;
    }
    let permission = format!("{chat}/permission/per_of_nobody/reply");
    server.post(&permission, &json!({"reply": "once"})).await?.refused("permission_not_found").map(|_| ())
}

pub(super) async fn rejected(server: Server) -> Done {
    let chat = server.chat().await?;
    let (stream, begun, path) = asked(&server, &chat).await?;
    server.post(&format!("{path}/reject"), &json!({})).await?.expect(204)?;
    let all = [begun, stream.rest().await?].concat();
    invariants(&all)?;
    let status = &all[all.len() - 1].data["status"];
    ensure!(status == "blocked", "the turn ended {status} (PROTOCOL STATUS-1)");
    Ok(())
}

pub(super) async fn failed(server: Server) -> Done {
    let chat = server.chat().await?;
    let frames = Live::open(server.respond(&chat, "/fail")).await?.rest().await?;
    invariants(&frames)?;
    let end = &frames[frames.len() - 1].data;
    ensure!(end["status"] == "failed", "the turn ended {} (PROTOCOL STATUS-1)", end["status"]);
    for name in ["code", "message"] {
        ensure!(end["error"][name].is_string(), "its error has no {name}: {} (PROTOCOL STATUS-3)", end["error"]);
    }
    let turn = server.post(&format!("{chat}/message"), &prompt_of("/fail")).await?.object()?;
    ensure!(turn["status"] == "failed", "message gives {} (PROTOCOL SEND-5)", turn["status"]);
    Ok(())
}

pub(super) async fn tools(server: Server) -> Done {
    let chat = server.chat().await?;
    for prompt in ["/tool", "/think", "/picture"] {
        let frames = Live::open(server.respond(&chat, prompt)).await?.rest().await?;
        invariants(&frames).map_err(|wrong| format!("{prompt}: {wrong}"))?;
    }
    Ok(())
}
