//! A closed client holds no connection and sends nothing more.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::IntoFuture as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use turnwire::{Client, ErrorKind, RelayCursor};

/// A client of a service that answers the first request with `reply`, and the connection it then holds.
async fn service(reply: String) -> (Client, tokio::task::JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move {
        let mut socket = listener.accept().await.unwrap().0;
        let mut request = Vec::new();
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            socket.read_buf(&mut request).await.unwrap();
        }
        socket.write_all(reply.as_bytes()).await.unwrap();
        socket
    });
    (Client::builder().base_url(url).api_key("sk_test").build().unwrap(), accepted)
}

fn whole(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn streaming(frame: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nturnwire-contract: 1\r\n\r\n{frame}")
}

/// Waits until the other side has closed.
async fn closed(mut socket: TcpStream) {
    while socket.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn an_idle_connection_ends_and_later_calls_are_refused() {
    let (client, accepted) = service(whole(r#"{"id":"chat_1"}"#)).await;
    let clone = client.clone();
    client.chat().retrieve("chat_1").await.unwrap();
    client.close();
    closed(accepted.await.unwrap()).await;
    assert!(clone.is_closed());
    for error in [
        clone.chat().retrieve("chat_1").await.unwrap_err(),
        clone.chat().respond("chat_1", "Hi").await.unwrap_err(),
        clone.chat().stream("chat_1", RelayCursor::Live).await.unwrap_err(),
        clone.chat().files().download("chat_1", "a").await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Aborted, "client_closed"));
        assert_eq!(error.message(), "The client is closed; make a new one.");
    }
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn a_turn_that_streams_ends_with_what_came_and_is_not_taken_up() {
    let started = r#"{"type":"turn.started","seq":1,"chatId":"chat_1","turnId":"turn_1","userMessage":{"id":"m"}}"#;
    let (client, accepted) = service(streaming(&format!("event: turn.started\ndata: {started}\n\n"))).await;
    let mut stream = client.chat().respond("chat_1", "Hi").await.unwrap();
    stream.try_next().await.unwrap();
    client.close();
    let error = stream.try_next().await.unwrap_err();
    assert_eq!(error.code(), "client_closed");
    assert_eq!(error.turn().unwrap().id.as_str(), "turn_1");
    closed(accepted.await.unwrap()).await;
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn a_relay_ends_and_is_not_taken_up() {
    let (client, accepted) = service(streaming("id: 1\ndata: {\"type\":\"session.idle\"}\n\n")).await;
    let mut relay = client.chat().stream("chat_1", RelayCursor::Live).await.unwrap();
    relay.try_next().await.unwrap();
    client.close();
    assert_eq!(relay.try_next().await.unwrap_err().code(), "client_closed");
    closed(accepted.await.unwrap()).await;
}

#[tokio::test]
async fn a_call_that_waits_ends() {
    let (client, accepted) = service(String::new()).await;
    let call = tokio::spawn(client.chat().retrieve("chat_1").into_future());
    let socket = accepted.await.unwrap();
    client.close();
    assert_eq!(call.await.unwrap().unwrap_err().code(), "client_closed");
    closed(socket).await;
}
