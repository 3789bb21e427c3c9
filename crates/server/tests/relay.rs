//! The relay: numbers without a hole, replay, cursors, tokens, framing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, Stream, config, http, send, stream};
use std::time::Duration;

fn ids(frames: &[Frame]) -> Vec<u64> {
    frames.iter().map(|frame| frame.id.parse().unwrap()).collect()
}

fn is(frame: &Frame, event_type: &str) -> bool {
    frame.data.contains(&format!("\"type\":\"{event_type}\""))
}

/// PROTOCOL RELAY-1, RELAY-3.
#[tokio::test]
async fn what_was_told_live_is_replayed_to_the_byte() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut live = service.relay(&chat, 0).await;
    let turn = service.turn(&chat, "/tool").await;
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    let told = live.until(|frame| frame.id == head.to_string()).await;
    assert_eq!(ids(&told), (1..=head).collect::<Vec<_>>(), "from 1, without a hole");
    assert!(told.iter().all(|frame| frame.event.is_none()), "a bare onmessage sees every event");
    assert!(told.iter().any(|frame| is(frame, "session.created")), "from the first event of the session on");
    assert!(told.iter().any(|frame| is(frame, "turnwire.turn.accepted")));
    for from in [0, 1, head / 2, head - 1] {
        let again = service.relay(&chat, from).await.until(|frame| frame.id == head.to_string()).await;
        assert_eq!(again, told[usize::try_from(from).unwrap()..], "after {from}");
    }
    // Header and query: the greater counts.
    let both = service.request("GET", &format!("/{chat}/stream?lastEventId=2")).header("last-event-id", "5");
    assert_eq!(service.open(both).await.next().await.unwrap().id, "6");
    assert_eq!(turn["status"], "completed");
}

/// PROTOCOL RELAY-3.
#[tokio::test]
async fn without_a_cursor_only_what_comes_is_told() {
    let service = Service::start().await;
    let chat = service.chat().await;
    service.turn(&chat, "Before").await;
    let mut live = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId="))).await;
    service.turn(&chat, "After").await;
    let first = live.until(|frame| is(frame, "turnwire.turn.accepted")).await;
    assert!(first.iter().all(|frame| !frame.data.contains("Before")), "{first:?}");
    assert!(first.last().unwrap().data.contains("After"));
}

/// PROTOCOL RELAY-6.
#[tokio::test]
async fn a_live_reader_that_breaks_off_before_its_first_event_goes_on_where_it_began() {
    let service = Service::start().await;
    let chat = service.chat().await;
    service.turn(&chat, "Before").await;
    let live = service.open(service.request("GET", &format!("/{chat}/stream"))).await;
    let began: u64 = live.headers["turnwire-cursor"].to_str().unwrap().parse().unwrap();
    drop(live);
    service.turn(&chat, "Meanwhile").await;
    let mut again = service.relay(&chat, began).await;
    assert_eq!(again.headers["turnwire-cursor"], began.to_string().as_str());
    let first = again.until(|frame| is(frame, "turnwire.turn.accepted")).await;
    assert_eq!(first[0].id, (began + 1).to_string());
    assert!(first.last().unwrap().data.contains("Meanwhile"), "{first:?}");
    assert!(first.iter().all(|frame| !frame.data.contains("Before")), "{first:?}");
}

/// PROTOCOL RELAY-5, RELAY-6.
#[tokio::test]
async fn a_cursor_beyond_the_head_is_told_so() {
    let service = Service::start().await;
    let chat = service.chat().await;
    service.turn(&chat, "One").await;
    let mut lost = service.relay(&chat, 1_000_000).await;
    let first = lost.next().await.unwrap();
    assert_eq!(first.event.as_deref(), Some("reset"));
    let head = first.json()["head"].as_u64().unwrap();
    assert_eq!(lost.headers["turnwire-cursor"], head.to_string().as_str());
    assert!(!String::from_utf8_lossy(&lost.bytes).contains("id:"), "a frame without a number");
    service.turn(&chat, "Two").await;
    assert_eq!(lost.next().await.unwrap().id, (head + 1).to_string(), "then live");
}

/// PROTOCOL RELAY-3.
#[tokio::test]
async fn a_cursor_that_is_no_number_is_refused() {
    let service = Service::start().await;
    let chat = service.chat().await;
    for cursor in ["-1", "x", "1.5", "0x1", "99999999999999999999999"] {
        service.call("GET", &format!("/{chat}/stream?lastEventId={cursor}"), None).await.error(400, "invalid_request");
        let header = service.request("GET", &format!("/{chat}/stream")).header("last-event-id", cursor);
        send(header).await.error(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_slow_reader_misses_nothing_and_hinders_nobody() {
    let service = Service::start().await;
    let chat = service.chat().await;
    // Far more than memory holds of it, and more than the sockets' buffers.
    let mut slow = service.relay(&chat, 0).await;
    slow.next().await.unwrap();
    for _ in 0..3 {
        assert_eq!(service.turn(&chat, "/long 4000").await["status"], "completed");
    }
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    assert!(head > 12_000);
    let rest = slow.until(|frame| frame.id == head.to_string()).await;
    assert_eq!(ids(&rest), (2..=head).collect::<Vec<_>>());
}

/// PROTOCOL RELAY-1.
#[tokio::test]
async fn readers_that_come_in_the_middle_get_each_event_once() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut turn = service.respond(&chat, "/long 2000").await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        turn.next().await.unwrap();
        readers.push(service.relay(&chat, 0).await);
    }
    turn.rest().await;
    let ended = |frame: &Frame| is(frame, "session.idle");
    let whole = readers.pop().unwrap().until(ended).await;
    assert_eq!(ids(&whole), (1..=whole.len() as u64).collect::<Vec<_>>());
    for reader in &mut readers {
        assert_eq!(reader.until(ended).await, whole);
    }
}

/// PROTOCOL TOKEN-1, TOKEN-2, TOKEN-3, HTTP-1, AUTH-1.
#[tokio::test]
async fn a_token_opens_one_chats_stream_for_reading() {
    let service = Service::start().await;
    let (chat, other) = (service.chat().await, service.chat().await);
    let token = service.call("POST", &format!("/{chat}/stream-token"), None).await.json();
    let url = token["streamUrl"].as_str().unwrap();
    assert!(url.starts_with(&service.url), "absolute: {url}");
    let bare = http();
    let mut opened = stream(bare.get(format!("{url}&lastEventId=0"))).await;
    assert_eq!(opened.status, 200);
    assert_eq!(opened.next().await.unwrap().id, "1");

    send(bare.get(url.replace(&chat, &other))).await.error(401, "unauthorized");
    send(bare.get(format!("{}/agent/v2/chat/{chat}/stream", service.url))).await.error(401, "unauthorized");
    send(bare.get(format!("{}/agent/v2/chat/{chat}?token={}", service.url, token["token"])))
        .await
        .error(401, "unauthorized");
    // A key decides, where there is one; an empty header, or another scheme, counts as absent.
    send(bare.get(url).bearer_auth("wrong")).await.error(401, "unauthorized");
    assert_eq!(stream(bare.get(url).header("authorization", "")).await.status, 200);
    assert_eq!(stream(bare.get(url).basic_auth("a", Some("b"))).await.status, 200);

    service.call("DELETE", &format!("/{chat}"), None).await;
    send(bare.get(url)).await.error(401, "unauthorized");
    let old = service.call("POST", &format!("/agent/v1/chat/{other}/stream-token"), None).await;
    old.error(404, "route_not_found");
    assert_eq!(service.call("GET", &format!("/agent/v1/chat/{other}"), None).await.status, 200);
}

/// PROTOCOL TOKEN-1, TOKEN-3.
#[tokio::test]
async fn a_stream_ends_cleanly_when_its_token_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    // Its end is a whole second: of one second nothing might be left.
    config.limits.token_time = Duration::from_secs(2);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let token = service.call("POST", &format!("/{chat}/stream-token"), None).await.json();
    let url = token["streamUrl"].as_str().unwrap();
    // The body ends as HTTP has it: reading it whole is no error.
    let answer = send(http().get(format!("{url}&lastEventId=0"))).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with(b"\n\n"));
    send(http().get(url)).await.error(401, "unauthorized");
    service.stop().await;
}

/// PROTOCOL FRAME-1, FRAME-2, FRAME-3.
#[tokio::test]
async fn a_quiet_stream_says_that_it_lives_in_bare_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.heartbeat = Duration::from_millis(20);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let mut quiet = service.respond(&chat, "/slow 5").await;
    quiet.rest().await;
    let text = String::from_utf8(quiet.bytes).unwrap();
    assert!(text.starts_with("retry: 1000\n: ok\n"), "{text}");
    assert!(text.matches("\n: ").count() > 3, "it says so again and again: {text}");
    assert!(!text.contains('\r') && !text.contains("\n\n\n"));
    for frame in text.split_terminator("\n\n") {
        let lines: Vec<_> = frame.lines().collect();
        assert_eq!(lines.iter().filter(|line| line.starts_with("data: ")).count(), 1, "one data line a frame: {frame}");
        assert!(lines.last().unwrap().starts_with("data: "), "no comment before an empty line: {frame}");
    }
    service.stop().await;
}

/// PROTOCOL RELAY-2, STATUS-1.
#[tokio::test]
async fn a_server_that_stops_tells_its_readers_first() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut turn = service.respond(&chat, "/slow 1000").await;
    turn.until(|frame| frame.data.contains("\"delta\"")).await;
    let mut relay = service.relay(&chat, 0).await;
    let url = service.url.clone();
    let folder = service.stop().await.unwrap();
    let end = turn.rest().await;
    assert_eq!(end.last().unwrap().json()["status"], "interrupted");
    let told = relay.rest().await;
    assert!(told.iter().any(|frame| is(frame, "turnwire.turn.closed")));
    assert!(http().get(&url).send().await.is_err(), "nobody listens any more");

    // Another server on the same folder knows all of it, and goes on.
    let service = Service::with(config(folder.path())).await;
    let again = service.relay(&chat, 0).await.until(|frame| frame.id == told.last().unwrap().id).await;
    assert_eq!(again, told);
    let next = service.turn(&chat, "And on").await;
    assert_eq!(next["status"], "completed");
    service.stop().await;
}

#[tokio::test]
async fn two_servers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let refused = turnwire_server::Server::start(config(folder.path())).await.unwrap_err();
    assert!(matches!(refused, turnwire_server::ServerError::DataInUse { .. }), "{refused:?}");
    service.stop().await;
    Service::with(config(folder.path())).await.stop().await;
}

/// PROTOCOL RELAY-9.
#[tokio::test]
async fn as_turns_the_relay_tells_what_respond_tells() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut told = Vec::new();
    for text in ["/tool", "/think", "One more"] {
        told.extend(service.respond(&chat, text).await.rest().await);
    }
    let told: Vec<_> = told.into_iter().map(|frame| frame.data).collect();
    let view = |after: String| service.request("GET", &format!("/{chat}/stream?view=turns&lastEventId={after}"));
    let mut relayed = Vec::new();
    let mut whole = service.open(view("0".to_owned())).await;
    while relayed.len() < told.len() {
        relayed.push(whole.next().await.unwrap());
    }
    assert!(relayed.iter().all(|frame| frame.event.is_none()), "a bare onmessage sees every type");
    assert_eq!(relayed.iter().map(|frame| frame.data.clone()).collect::<Vec<_>>(), told);

    // From anywhere: what follows the last numbered frame, an unfinished group again.
    for broken in (1..told.len()).step_by(7) {
        // A number stays until the next one comes.
        let cursor = Some(&*relayed[broken - 1].id).filter(|id| !id.is_empty()).unwrap_or("0");
        let have = relayed.iter().position(|frame| frame.id == cursor).map_or(0, |at| at + 1);
        let mut rest = service.open(view(cursor.to_owned())).await;
        for expected in &told[have..] {
            assert_eq!(&rest.next().await.unwrap().data, expected, "after {broken}");
        }
    }
    service.call("GET", &format!("/{chat}/stream?view=x"), None).await.error(400, "invalid_request");
}

/// PROTOCOL CHAT-1.
#[tokio::test]
async fn a_chat_that_is_not_used_sleeps_and_wakes_on_its_next_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.idle_timeout = Duration::from_millis(200);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let first = service.turn(&chat, "/tool").await;
    let path = format!("/{chat}");
    let about = || service.call("GET", &path, None);
    let mut open = service.relay(&chat, 0).await;
    assert_eq!(about().await.json()["status"], "active");
    while about().await.json()["status"] != "idle" {
        tokio::task::yield_now().await;
    }
    assert_eq!(about().await.json()["runtimeState"], "stopped");
    let files = service.call("GET", &format!("/{chat}/files/hello.txt"), None).await;
    assert_eq!(files.status, 200, "a sleeping chat's files are served");
    let listed = service.call("GET", "?status=idle", None).await.json();
    assert_eq!(listed["data"][0]["id"], chat.as_str());

    let second = service.turn(&chat, "Good morning").await;
    assert_eq!(second["status"], "completed");
    assert_ne!(first["id"], second["id"]);
    let seen = open.until(|frame| frame.data.contains("Good morning")).await;
    assert_eq!(ids(&seen), (1..=seen.len() as u64).collect::<Vec<_>>(), "a reader from before hears it");
    assert!(open.until(|frame| is(frame, "turnwire.runtime")).await.last().unwrap().data.contains("resuming"));
    service.stop().await;
}

#[tokio::test]
async fn many_readers_of_one_chat_get_the_same_each_event_once() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut readers = Vec::new();
    for _ in 0..40 {
        readers.push(service.relay(&chat, 0).await);
    }
    // The first event of a turn and what follows it closely: told at once, and gathered.
    service.turn(&chat, "/long 300").await;
    service.turn(&chat, "Again").await;
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
    let replayed = service.relay(&chat, 0).await.until(|frame| frame.id == head.to_string()).await;
    assert_eq!(ids(&replayed), (1..=head).collect::<Vec<_>>());
    for mut reader in readers {
        assert_eq!(reader.until(|frame| frame.id == head.to_string()).await, replayed);
    }
}

#[tokio::test]
async fn a_server_that_stops_tells_many_readers_what_ended_their_turn() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let mut readers = Vec::new();
    for _ in 0..40 {
        readers.push(service.relay(&chat, 0).await);
    }
    let mut turn = service.respond(&chat, "/slow 1000").await;
    turn.until(|frame| frame.data.contains("\"delta\"")).await;
    let (_, told) = tokio::join!(service.stop(), futures_util::future::join_all(readers.iter_mut().map(Stream::rest)));
    for frames in told {
        assert!(frames.iter().any(|frame| is(frame, "turnwire.turn.closed")), "{:?}", frames.last());
    }
}
