//! Nobody sees a key or a token. Alone in its file: what is logged is decided once for a whole process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use turnwire::http::Secret;
use turnwire::{Client, ClientBuilder, NewChat, RelayCursor, RequestOptions};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";
const KEY: &str = "sk_never_to_be_seen";
const LOOPBACK: &str = "http://127.0.0.1:1";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn builder() -> ClientBuilder {
    Client::builder().api_key(KEY).header("x-key", KEY)
}

/// What each of these panics with, and what the hook of a program that reports panics gets to see.
fn panics(all: Vec<Box<dyn FnOnce()>>) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| told.lock().unwrap().push(info.to_string())));
    let caught: Vec<_> = all.into_iter().map(|cause| std::panic::catch_unwind(AssertUnwindSafe(cause))).collect();
    std::panic::set_hook(usual);
    let message = |(at, caught): (usize, std::thread::Result<()>)| {
        let payload = caught.err().unwrap_or_else(|| panic!("number {at} does not panic"));
        payload.downcast_ref::<String>().expect("a message").clone()
    };
    let payloads: Vec<String> = caught.into_iter().enumerate().map(message).collect();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), payloads.len());
    assert!(seen.iter().chain(&payloads).all(|text| text.len() > 20), "the messages are really read: {payloads:?}");
    payloads.into_iter().chain(seen).collect()
}

/// PROTOCOL AUTH-4.
#[tokio::test]
async fn no_log_line_error_panic_or_debug_form_shows_a_key_or_a_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let echo = Fault {
        on: "retrieve".into(),
        nth: vec![0],
        status: Some(401),
        body: Some(format!(r#"{{"message":"The key {KEY} is wrong."}}"#)),
        ..Fault::default()
    };
    let cut = Fault { on: "respond".into(), cut_events: Some(3), ..Fault::default() };
    let lost = Fault { on: "stream".into(), nth: vec![0], lose_request: true, ..Fault::default() };
    let kit = Testkit::with_faults(true, vec![echo, cut, lost]).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key(KEY).backoff_scale(0.0).build().unwrap();
    let mut shown = vec![format!("{client:?}")];
    let mut note = |error: turnwire::Error| {
        shown.push(format!("{error} {error:?} {:?} {:?}", error.causes(), error.body()));
    };
    note(client.chat().retrieve(CHAT).await.unwrap_err());
    note(client.chat().stream(CHAT, RelayCursor::Live).token("tok_never_to_be_seen").max_retries(1).await.unwrap_err());
    let proxy = Client::builder().base_url("http://service.invalid").api_key(KEY).max_retries(0);
    let proxied = proxy.proxy("http://user:never_to_be_seen@127.0.0.1:1").build().unwrap();
    note(proxied.chat().retrieve(CHAT).await.unwrap_err());
    let mut stream = client.chat().respond(CHAT, "one").await.unwrap();
    stream.result().await.unwrap();
    shown.push(format!("{stream:?} {:?}", client.chat().respond(CHAT, "x")));
    shown.push(format!("{:?}", builder().token("tok_never_to_be_seen")));
    shown.push(format!("{:?}", client.chat().stream(CHAT, RelayCursor::Live).token("tok_never_to_be_seen")));
    let wrong = client.chat().stream(CHAT, RelayCursor::Live).token("tok_never_to_be_seen").max_retries(0).await;
    shown.extend(panics(vec![
        // What people write who are sure that it cannot fail.
        Box::new(move || drop(wrong.unwrap())),
        Box::new(|| drop(builder().base_url("http://user:never_to_be_seen@host").build().unwrap())),
        Box::new(|| {
            drop(builder().base_url("http://host").proxy("http://user:never_to_be_seen@a host").build().unwrap());
        }),
        Box::new(|| drop(builder().base_url("http://host").ca_bundle("/nowhere").build().expect("a client"))),
        Box::new(|| drop(builder().base_url(LOOPBACK).build().unwrap_err())),
        Box::new(|| assert_eq!(Secret::from(KEY), Secret::from("tok_never_to_be_seen"))),
        Box::new(|| panic!("{:?}", builder().base_url(LOOPBACK).build())),
    ]));
    let refused = tokio::spawn(async move {
        client.chat().create(NewChat::new()).header("x-a", format!("{KEY}\n")).await.unwrap();
    });
    shown.push(format!("{:?}", refused.await.unwrap_err().into_panic().downcast::<String>().unwrap()));
    let options: RequestOptions = serde_json::from_value(serde_json::json!({"headers": {"x-key": KEY}})).unwrap();
    shown.push(format!("{options:?}"));
    drop(guard);
    assert!(kit.counts().requests["respond"] == 1);

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("taking it up again"), "the log is really read: {logged}");
    assert!(logged.contains("http.request.method=\"POST\""), "requests have spans: {logged}");
    for text in shown.iter().chain([&logged]) {
        assert!(!text.contains("never_to_be_seen"), "{text}");
    }
}
