//! The relay, and tokens for it.

use super::wire::{Done, Frame, Live, Server, ensure, prompt_of, whole};
use serde_json::json;

/// A chat with a turn; its path, and the number of its newest event.
async fn with_turn(server: &Server) -> Done<(String, u64)> {
    let chat = server.chat().await?;
    server.post(&format!("{chat}/message"), &prompt_of("one two")).await?.object()?;
    let about = server.get(&chat).await?.object()?;
    let newest = about["lastEventId"].as_u64().ok_or("the chat has no lastEventId")?;
    ensure!(newest > 2, "the log of a turn ends at {newest}");
    Ok((chat, newest))
}

fn ids(frames: &[Frame]) -> Vec<u64> {
    frames.iter().filter_map(|frame| frame.id).collect()
}

pub(super) async fn numbers(server: Server) -> Done {
    let (chat, newest) = with_turn(&server).await?;
    let path = format!("{chat}/stream");
    let at_newest = |frame: &Frame| frame.id == Some(newest);
    let mut relay = Live::open(server.request("GET", &format!("{path}?lastEventId=0"))).await?;
    ensure!(
        relay.header("turnwire-cursor") == "0",
        "turnwire-cursor is {:?} (PROTOCOL RELAY-6)",
        relay.header("turnwire-cursor")
    );
    let all = relay.until(at_newest).await?;
    ensure!(ids(&all) == (1..=newest).collect::<Vec<_>>(), "the numbers are {:?} (PROTOCOL RELAY-1)", ids(&all));
    for frame in &all {
        let raw = frame.event.is_none() && frame.data["type"].is_string();
        ensure!(raw, "a frame of the relay is {frame:?} (PROTOCOL RELAY-1)");
    }
    // Both cursors: the greater counts.
    let both = server.request("GET", &format!("{path}?lastEventId=1")).header("last-event-id", 2);
    let after = Live::open(both).await?.until(at_newest).await?;
    ensure!(after == all[2..], "after 2 come {:?} (PROTOCOL RELAY-3)", ids(&after));
    for cursor in ["x", "-1", "1.5"] {
        let answer = server.get(&format!("{path}?lastEventId={cursor}")).await?;
        answer.refused("invalid_request").map_err(|wrong| format!("{cursor}: {wrong} (PROTOCOL RELAY-3)"))?;
    }
    let mut beyond = Live::open(server.request("GET", &format!("{path}?lastEventId={}", newest + 1000))).await?;
    let first = beyond.next().await?.ok_or("a stream from beyond the newest event ends")?;
    let reset = first.event.as_deref() == Some("reset") && first.data["head"] == newest;
    ensure!(reset, "beyond the newest event comes {first:?} (PROTOCOL RELAY-5)");
    Ok(())
}

pub(super) async fn live(server: Server) -> Done {
    let (chat, newest) = with_turn(&server).await?;
    let mut relay = Live::open(server.request("GET", &format!("{chat}/stream"))).await?;
    let cursor = relay.header("turnwire-cursor").to_owned();
    ensure!(cursor == newest.to_string(), "a live relay begins after {cursor:?}, not {newest} (PROTOCOL RELAY-6)");
    let frames = Live::open(server.respond(&chat, "three")).await?.rest().await?;
    ensure!(!frames.is_empty(), "the turn has no event");
    let first = relay.next().await?.ok_or("a live relay ends")?;
    ensure!(first.id == Some(newest + 1), "the first live event is {:?} (PROTOCOL RELAY-3)", first.id);
    Ok(())
}

pub(super) async fn turns(server: Server) -> Done {
    let (chat, newest) = with_turn(&server).await?;
    let mut view = Live::open(server.request("GET", &format!("{chat}/stream?view=turns&lastEventId=0"))).await?;
    let frames = view.until(|frame| frame.data["type"] == "turn.completed").await?;
    let typed = frames.iter().all(|frame| frame.event.is_none() && frame.data["turnId"].is_string());
    ensure!(typed, "an event of the view has an event: line, or no turn");
    let numbers = ids(&frames);
    ensure!(numbers.is_sorted() && numbers.iter().all(|id| *id <= newest), "the numbers are {numbers:?}");
    let seqs: Vec<_> = frames.iter().filter_map(|frame| frame.data["seq"].as_u64()).collect();
    ensure!(seqs == (1..=frames.len() as u64).collect::<Vec<_>>(), "the view's events are {seqs:?}");
    Ok(())
}

pub(super) async fn tokens(server: Server) -> Done {
    let (chat, newest) = with_turn(&server).await?;
    let made = server.post(&format!("{chat}/stream-token"), &json!({})).await?.object()?;
    let token = made["token"].as_str().ok_or("there is no token")?;
    let url = made["streamUrl"].as_str().ok_or("there is no streamUrl")?;
    let absolute = url.starts_with("http") && url.contains(token) && made["expiresAt"].is_string();
    ensure!(absolute, "streamUrl is {url:?}, expiresAt {}", made["expiresAt"]);
    let with =
        |token: &str, more: &str| server.bare("GET", &format!("{chat}/stream?lastEventId=0&token={token}{more}"));
    let read = Live::open(with(token, "")).await?.until(|frame| frame.id == Some(newest)).await?;
    ensure!(read.len() as u64 == newest, "with a token come {} events", read.len());
    whole(with("tok_of_nobody", "")).await?.refused("unauthorized")?;
    // A wrong key beside the token: the key alone counts.
    let beside = with(token, "").bearer_auth("a-key-that-nobody-has");
    whole(beside).await?.refused("unauthorized").map_err(|wrong| format!("{wrong} (PROTOCOL TOKEN-2)"))?;
    let other = server.chat().await?;
    for path in [format!("{other}/stream?token={token}"), format!("{chat}?token={token}")] {
        let answer = whole(server.bare("GET", &path)).await?;
        let refused = matches!(answer.status, 401 | 403 | 404);
        ensure!(refused, "a token is good elsewhere too: {} (PROTOCOL TOKEN-1)", answer.status);
    }
    whole(server.request("DELETE", &chat)).await?.expect(200)?;
    whole(with(token, ""))
        .await?
        .refused("unauthorized")
        .map_err(|wrong| format!("ended: {wrong} (PROTOCOL TOKEN-3)"))?;
    Ok(())
}
