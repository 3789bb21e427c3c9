//! What there is only so much of.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Service, config, prompt, send};

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

#[tokio::test]
async fn headers_that_never_end_are_refused() {
    let service = Service::start().await;
    let large = "x".repeat(1 << 20);
    let answer = send(service.request("GET", "/healthz").header("x-large", large)).await;
    assert_eq!(answer.status, 431);
    assert_eq!(send(service.request("GET", "/healthz")).await.status, 200);
    service.stop().await;
}
