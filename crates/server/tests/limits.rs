//! What there is only so much of.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{LONG, Service, config, prompt, send};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// PROTOCOL LIMIT-2.
#[tokio::test]
async fn a_stream_too_many_is_refused_before_anything_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.streams = 2;
    let service = Service::with(config).await;
    let (chat, other) = (service.chat().await, service.chat().await);
    let (first, second) = (service.relay(&chat, 0).await, service.relay(&other, 0).await);
    assert_eq!((first.status, second.status), (200, 200));

    let refused = service.call("POST", &format!("/{chat}/respond"), Some(prompt("Hello"))).await;
    let body = refused.error(429, "rate_limited");
    assert!(body["message"].as_str().unwrap().contains("open streams"), "{body}");
    assert_eq!(refused.header("retry-after"), "5");
    let about = service.call("GET", &format!("/{chat}"), None).await.json();
    assert!(about.get("activeTurnId").is_none(), "no turn was begun: {about}");

    // A stream that ends makes room: a turn's own end does.
    drop(first);
    let mut turn = loop {
        let request = service.request("POST", &format!("/{chat}/respond")).body(prompt("Hello").to_string());
        let stream = service.open(request).await;
        if stream.status == 200 {
            break stream;
        }
        // The server has not heard yet that the reader went away.
        assert_eq!(stream.status, 429);
    };
    assert_eq!(turn.rest().await.last().unwrap().event.as_deref(), Some("turn.completed"));
    service.stop().await;
}

/// PROTOCOL SEND-1.
#[tokio::test]
async fn a_prompt_has_a_bounded_number_of_parts_and_files_come_from_no_plain_address() {
    let service = Service::start().await;
    let chat = service.chat().await;
    for route in ["respond", "message"] {
        let say = async |parts: serde_json::Value| {
            let body = serde_json::json!({ "parts": parts });
            service.call("POST", &format!("/{chat}/{route}"), Some(body)).await.error(400, "invalid_request")
        };
        let texts = |count| vec![serde_json::json!({"type": "text", "text": "x"}); count];
        let many = say(texts(257).into()).await;
        assert!(many["message"].as_str().unwrap().contains("257 parts"), "{many}");
        for url in ["http://169.254.169.254/latest", "http:x", "https:x", "HTTP://x/", "ftp://x/", "", "//x/"] {
            let file = serde_json::json!([{"type": "file", "mime": "text/plain", "url": url}]);
            let refused = say(file).await;
            assert!(refused["message"].as_str().unwrap().contains("data: or https://"), "{url}: {refused}");
        }
        let most = serde_json::json!({ "parts": texts(256) });
        assert_eq!(service.call("POST", &format!("/{chat}/{route}"), Some(most)).await.status, 200);
    }
    service.stop().await;
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off() {
    let service = Service::start().await;
    let mut socket = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ").await.unwrap();
    // More than the buffers of both sockets take.
    let endless = async { while socket.write_all(&[b'x'; 16 << 10]).await.is_ok() {} };
    tokio::time::timeout(LONG, endless).await.expect("they are read without end");
    assert_eq!(send(service.request("GET", "/healthz")).await.status, 200, "nobody else is");
    service.stop().await;
}
