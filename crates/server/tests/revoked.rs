//! A key is taken back while it is in use: what is open for it ends, on every route.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{LONG, PREFIX, Service, config, prompt, send, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use turnwire_server::keys::{self, Scope};

/// PROTOCOL AUTH-5, TOKEN-3.
#[tokio::test]
async fn every_stream_of_a_revoked_key_ends_and_so_does_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let key = |name: &str| keys::create(folder.path(), name, "anna", &[Scope::Chat]).unwrap();
    let ((info, lost), (_, kept)) = (key("lost laptop"), key("desk"));
    let (lost, kept) = (lost.expose(), kept.expose());
    let ask = |key: &str, method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        service.http.request(method, format!("{}{PREFIX}{path}", service.url)).bearer_auth(key)
    };
    let chat = || async { send(ask(lost, "POST", "")).await.json()["id"].as_str().unwrap().to_owned() };
    let (busy, waits) = (chat().await, chat().await);
    let slow = prompt("/slow 3000").to_string();

    let mut respond = stream(ask(lost, "POST", &format!("/{busy}/respond")).body(slow.clone())).await;
    let turn = respond.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
    let mut streams = vec![
        ("turn stream", stream(ask(lost, "GET", &format!("/{busy}/turns/{turn}/stream"))).await),
        ("relay", stream(ask(lost, "GET", &format!("/{busy}/stream?lastEventId=0"))).await),
        ("view=turns", stream(ask(lost, "GET", &format!("/{busy}/stream?lastEventId=0&view=turns"))).await),
    ];
    let token = send(ask(lost, "POST", &format!("/{busy}/stream-token"))).await.json();
    let token_url = token["streamUrl"].as_str().unwrap().to_owned();
    streams.push(("a token's", stream(service.http.get(&token_url)).await));
    let message = tokio::spawn(send(ask(lost, "POST", &format!("/{waits}/message")).body(slow)));
    let mut others = stream(ask(kept, "GET", &format!("/{busy}/stream?lastEventId=0"))).await;
    respond.until(|frame| frame.data.contains("running")).await;

    // A download that nobody reads on, and an upload that stands still.
    let large = vec![7_u8; 32 << 20];
    send(ask(kept, "PUT", &format!("/{busy}/files/large.bin")).body(large)).await;
    let address = service.url.trim_start_matches("http://");
    let raw = |head: String| async move {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        socket
    };
    let authorized = format!("host: x\r\nauthorization: Bearer {lost}\r\n");
    let path = format!("{PREFIX}/{busy}/files");
    let mut download = raw(format!("GET {path}/large.bin HTTP/1.1\r\n{authorized}\r\n")).await;
    download.read_exact(&mut [0; 1024]).await.unwrap();
    let mut upload = raw(format!("PUT {path}/new.bin HTTP/1.1\r\n{authorized}content-length: 100\r\n\r\nx")).await;

    assert!(keys::revoke(folder.path(), &info.id).unwrap());
    let ended = async {
        respond.rest().await;
        for (name, stream) in &mut streams {
            stream.rest().await;
            assert!(stream.bytes.ends_with(b"\n"), "{name} ended in the middle of a line");
        }
        message.await.unwrap().error(401, "unauthorized");
        let mut read = Vec::new();
        let _ = download.read_to_end(&mut read).await;
        assert!(read.len() < 32 << 20, "the download went on to its end");
        let mut answer = vec![0; 12];
        upload.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 401");
    };
    tokio::time::timeout(LONG, ended).await.expect("something of a revoked key goes on");
    send(service.http.get(&token_url)).await.error(401, "unauthorized");

    // The owner's other key reads on: the turn itself is the owner's.
    let about = send(ask(kept, "GET", &format!("/{busy}"))).await.json();
    assert_eq!(about["activeTurnId"], json!(turn));
    others.until(|frame| frame.data.contains("message.part.delta")).await;
    service.stop().await;
}

#[tokio::test]
async fn a_token_ends_with_the_key_of_the_command_line_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let with = |key: &str| {
        let mut config = config(folder.path());
        config.api_keys = vec![key.into()];
        Service::with(config)
    };
    let service = with(common::KEY).await;
    let chat = service.chat().await;
    let token = service.call("POST", &format!("/{chat}/stream-token"), None).await.json();
    let path = format!("/{chat}/stream?token={}", token["token"].as_str().unwrap());
    service.stop().await;
    let open = |service: &Service| service.http.get(format!("{}{PREFIX}{path}", service.url));

    let service = with(common::KEY).await;
    assert_eq!(stream(open(&service)).await.status, 200, "a restart alone ends nothing");
    service.stop().await;
    let service = with("another key, as that one was seen").await;
    send(open(&service)).await.error(401, "unauthorized");
    service.stop().await;
}

#[tokio::test]
async fn open_streams_end_with_the_secret_that_signed_their_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let chat = service.chat().await;
    let token = service.call("POST", &format!("/{chat}/stream-token"), None).await.json();
    let mut open = stream(service.http.get(token["streamUrl"].as_str().unwrap())).await;
    keys::rotate_tokens(folder.path(), true).unwrap();
    tokio::time::timeout(LONG, open.rest()).await.expect("it goes on after its token was refused");
    service.stop().await;
}
