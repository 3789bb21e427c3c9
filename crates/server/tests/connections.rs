//! Connections that are held for nothing: by those who say nothing, read nothing, or only answer pings.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{KEY, LONG, PREFIX, Service, config, http, send};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use turnwire_server::Config;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn few(folder: &tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = config(folder.path());
    config.limits.connections = 4;
    change(&mut config);
    config
}

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(service.url.trim_start_matches("http://")).await.unwrap()
}

/// Asks without end and takes no answer, until the server takes no more.
async fn pipeline(mut socket: TcpStream) {
    let many = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    while socket.write_all(many.as_bytes()).await.is_ok() {}
}

/// Speaks HTTP/2 and answers every ping, but never asks for anything. Ends when it is told to go.
async fn only_pong(mut socket: TcpStream) {
    socket.write_all(PREFACE).await.unwrap();
    let mut head = [0; 9];
    while socket.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        if socket.read_exact(&mut payload).await.is_err() {
            return;
        }
        // Its settings are acknowledged, its pings answered.
        let answer: &[u8] = match (head[3], head[4] & 1) {
            (4, 0) => &[0, 0, 0, 4, 1, 0, 0, 0, 0],
            (6, 0) => &[&[0, 0, 8, 6, 1, 0, 0, 0, 0], payload.as_slice()].concat(),
            _ => &[],
        };
        if socket.write_all(answer).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn strangers_who_hold_every_connection_do_not_keep_another_out() {
    let folder = tempfile::tempdir().unwrap();
    // Their own time is not over for long.
    let service = Service::with(few(&folder, |config| config.limits.header_time = LONG)).await;
    let chat = service.chat().await;
    for _ in 0..2 {
        tokio::spawn(pipeline(connect(&service).await));
        tokio::spawn(only_pong(connect(&service).await));
        let mut slow = connect(&service).await;
        slow.write_all(b"POST /agent/v2/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{").await.unwrap();
        tokio::spawn(async move { slow.read_to_end(&mut Vec::new()).await });
    }
    // One more than there are places, of those who say nothing at all.
    let silent: Vec<_> = futures_util::future::join_all((0..5).map(|_| connect(&service))).await;
    let fresh = http();
    let health = tokio::time::timeout(LONG, fresh.get(format!("{}/healthz", service.url)).send()).await;
    assert_eq!(health.expect("a stranger does not get in").unwrap().status(), 200);
    assert_eq!(service.turn(&chat, "Hello").await["status"], "completed");
    drop(silent);
    service.stop().await;
}

#[tokio::test]
async fn who_has_shown_a_key_makes_no_room_for_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(few(&folder, |config| config.limits.header_time = LONG)).await;
    let chat = service.chat().await;
    let mut relay = service.relay(&chat, 0).await;
    relay.next().await.unwrap();
    let silent: Vec<_> = futures_util::future::join_all((0..20).map(|_| connect(&service))).await;
    let mut own = service.respond(&chat, "Hello").await;
    own.rest().await;
    relay.until(|frame| frame.data.contains("Hello")).await;
    drop(silent);
    service.stop().await;
}

#[tokio::test]
async fn the_server_answers_where_every_connection_is_in_use_by_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(few(&folder, |_| {})).await;
    let chat = service.chat().await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        let request = http().get(format!("{}{PREFIX}/{chat}/stream?lastEventId=0", service.url)).bearer_auth(KEY);
        streams.push(common::stream(request).await);
    }
    for _ in 0..3 {
        let health = http().get(format!("{}/healthz", service.url)).send();
        assert_eq!(tokio::time::timeout(LONG, health).await.expect("nothing is answered").unwrap().status(), 200);
    }
    assert_eq!(streams[0].next().await.unwrap().id, "1");
    service.stop().await;
}

#[tokio::test]
async fn a_stranger_who_only_answers_pings_is_told_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let short = |config: &mut Config| config.limits.header_time = Duration::from_millis(100);
    let service = Service::with(few(&folder, short)).await;
    let stayed = tokio::time::timeout(LONG, only_pong(connect(&service).await));
    stayed.await.expect("it is held for ever");
    let stayed = tokio::time::timeout(LONG, pipeline(connect(&service).await));
    stayed.await.expect("who reads nothing is held for ever");
    service.stop().await;
}

#[tokio::test]
async fn a_connection_of_a_key_is_closed_when_nothing_goes_on_and_not_while_something_does() {
    let folder = tempfile::tempdir().unwrap();
    let quiet = |config: &mut Config| {
        config.limits.quiet_time = Duration::from_secs(2);
        config.limits.heartbeat = Duration::from_millis(100);
        config.limits.header_time = Duration::from_secs(2);
    };
    let mut service = Service::with(few(&folder, quiet)).await;
    // One connection a request: an idle one is closed here sooner than a pool expects.
    service.http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let chat = service.chat().await;
    // Longer than the quiet time: a stream that has little to say, and a message that waits.
    let mut relay = service.relay(&chat, 0).await;
    assert_eq!(service.turn(&chat, "/slow 60").await["status"], "completed");
    relay.until(|frame| frame.data.contains("turnwire.turn.accepted")).await;

    // Over HTTP/2 a key was shown, and then there are only pings.
    let mut socket = connect(&service).await;
    socket.write_all(PREFACE).await.unwrap();
    socket.write_all(&get_with_key()).await.unwrap();
    tokio::time::timeout(LONG, rest(socket)).await.expect("it is held for ever");

    // A reader that takes nothing of what it is sent.
    let large = service.request("PUT", &format!("/{chat}/files/large.bin")).body(vec![7_u8; 32 << 20]);
    assert_eq!(send(large).await.status, 200);
    let mut deaf = connect(&service).await;
    let head =
        format!("GET {PREFIX}/{chat}/files/large.bin HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\r\n");
    // Again and again over one connection, so that whatever both sockets hold is full.
    let endless = async { while deaf.write_all(head.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(LONG, endless).await.expect("a reader that takes nothing is held for ever");
    service.stop().await;
}

/// `GET /agent/v2/chat` with the key, as a frame of HTTP/2.
fn get_with_key() -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    let mut literal = |index: u8, value: &str| {
        block.extend([index, u8::try_from(value.len()).unwrap()]);
        block.extend(value.as_bytes());
    };
    literal(0x04, PREFIX);
    literal(0x01, "localhost");
    block.extend([0x0f, 0x08]);
    let bearer = format!("Bearer {KEY}");
    block.push(u8::try_from(bearer.len()).unwrap());
    block.extend(bearer.as_bytes());
    let mut frame = vec![0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1];
    frame.extend(block);
    frame
}

/// Reads until the other side closes, answering nothing but pings.
async fn rest(mut socket: TcpStream) {
    let mut head = [0; 9];
    let mut answered = false;
    while socket.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        if socket.read_exact(&mut payload).await.is_err() {
            break;
        }
        // The first byte of the answer's head is `:status 200`, as HPACK has it.
        answered |= head[3] == 1 && payload.first() == Some(&0x88);
        if head[3] == 6 && head[4] & 1 == 0 {
            let pong = [&[0, 0, 8, 6, 1, 0, 0, 0, 0], payload.as_slice()].concat();
            if socket.write_all(&pong).await.is_err() {
                break;
            }
        }
    }
    assert!(answered, "the key was not taken");
}
