//! Nobody sees a key or a token. Alone in its file: what is logged is decided once for a whole process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io;
use std::sync::{Arc, Mutex};
use turnwire::{Client, Cursor};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";
const KEY: &str = "sk_never_to_be_seen";

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

#[tokio::test]
async fn no_log_line_error_or_debug_form_shows_a_key_or_a_token() {
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
    note(client.chat().stream(CHAT, Cursor::Live).token("tok_never_to_be_seen").max_retries(1).await.unwrap_err());
    let mut stream = client.chat().respond(CHAT, "one").await.unwrap();
    stream.result().await.unwrap();
    shown.push(format!("{stream:?} {:?}", client.chat().respond(CHAT, "x")));
    shown.push(format!("{:?}", Client::builder().api_key(KEY).token("tok_never_to_be_seen").header("x-key", KEY)));
    drop(guard);
    assert!(kit.counts().requests["respond"] == 1);

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("taking it up again"), "the log is really read: {logged}");
    assert!(logged.contains("http.request.method=\"POST\""), "requests have spans: {logged}");
    for text in shown.iter().chain([&logged]) {
        assert!(!text.contains("never_to_be_seen"), "{text}");
    }
}
