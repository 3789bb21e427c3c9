//! What is allowed and yet unwise is said once. Alone in its file: it is said once in a process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
use turnwire::{Client, ClientBuilder};

/// PROTOCOL AUTH-6.
#[test]
fn a_key_over_plain_http_to_another_machine_is_warned_of_once() {
    let said = Arc::new(Mutex::new(Vec::<String>::new()));
    let build = |builder: ClientBuilder| {
        let said = said.clone();
        builder.on_warning(move |warning| said.lock().unwrap().push(warning.to_owned())).build().unwrap();
    };
    for (url, key) in [
        ("http://127.0.0.1:1", Some("sk_1")),
        ("http://[::1]:1", Some("sk_1")),
        ("http://localhost", Some("sk_1")),
        ("https://service.invalid", Some("sk_1")),
        ("http://service.invalid", None),
    ] {
        let builder = Client::builder().base_url(url);
        build(key.into_iter().fold(builder, ClientBuilder::api_key));
        assert!(said.lock().unwrap().is_empty(), "{url}: {said:?}");
    }
    build(Client::builder().base_url("http://service.invalid").api_key("sk_1"));
    build(Client::builder().base_url("http://service.invalid").token("tok_1"));
    let said = said.lock().unwrap();
    assert_eq!(*said, ["The key is sent to service.invalid over plain http, where others can read it; use https."]);
}
