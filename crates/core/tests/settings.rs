//! Every setting is honoured, or refused when the client is built or the call is made.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;
use turnwire::chat::{KnownPart, NewChat, PromptPart};
use turnwire::{Client, ClientBuilder, ErrorKind, ListChats, Prompt, RequestOptions};
use turnwire_testkit::Testkit;

const CHAT: &str = "chat_testkit";

fn builder() -> ClientBuilder {
    Client::builder().base_url("http://127.0.0.1:9")
}

#[test]
fn a_setting_that_cannot_be_honoured_is_refused_by_name() {
    let own = || reqwest::Client::new();
    let wrong: Vec<(ClientBuilder, &str)> = vec![
        (builder().api_key(""), "The API key is empty"),
        (builder().api_key("  "), "The API key is empty"),
        (builder().api_key("sk\n1"), "The API key holds characters"),
        (builder().token(""), "The token is empty"),
        (builder().api_key("k").token("t"), "a key or a token, not both"),
        (builder().proxy("http://127.0.0.1:1").no_proxy(), "proxy and no_proxy contradict"),
        (builder().http_client(own()).proxy("http://127.0.0.1:1"), "With an http_client of your own"),
        (builder().http_client(own()).ca_bundle("ca.pem"), "With an http_client of your own"),
        (builder().user_agent("a\nb"), "The User-Agent holds characters"),
        (builder().backoff_scale(f64::NAN), "backoff_scale is a number from 0 to 1000"),
        (builder().backoff_scale(f64::INFINITY), "backoff_scale is a number from 0 to 1000"),
        (builder().backoff_scale(-1.0), "backoff_scale is a number from 0 to 1000"),
        (builder().backoff_scale(1000.5), "backoff_scale is a number from 0 to 1000"),
        (builder().max_event_bytes(0), "max_event_bytes must be above 0"),
        (builder().tcp_keepalive(Duration::ZERO), "tcp_keepalive must be from 1"),
        (builder().tcp_keepalive(Duration::MAX), "tcp_keepalive must be from 1"),
        (builder().header("x y", "1"), "is no name of a header"),
        (builder().header("x", "a\nb"), "The x holds characters"),
        (builder().header("X-A", "1").header("x-a", "2"), "is given twice"),
    ];
    for (builder, told) in wrong {
        let error = builder.build().expect_err(told);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{told}");
        assert!(error.message().contains(told), "{told}: {error}");
    }
    for scale in [0.0, 1000.0] {
        builder().backoff_scale(scale).build().unwrap();
    }
}

#[tokio::test]
async fn an_option_that_a_call_would_not_honour_is_refused_before_anything_is_sent() {
    let kit = Testkit::with_faults(true, vec![]).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").build().unwrap();
    let chats = client.chat();
    let fields: RequestOptions = serde_json::from_str(r#"{"body":{"mode":1}}"#).unwrap();
    let titled = || -> RequestOptions { serde_json::from_str(r#"{"body":{"title":"T"}}"#).unwrap() };
    let none = "This call sends no JSON body that fields (extra_body, body) could be added to";
    let file = PromptPart::Other(serde_json::json!({"type":"file","mime":"a/b","url":"data:,","filname":"n"}));
    let mut typo = Prompt::new("Look.");
    typo.parts.push(file);
    for (error, told) in [
        (chats.retrieve(CHAT).idempotency_key("k").await.unwrap_err(), "An Idempotency-Key is for create"),
        (chats.create(NewChat::new()).idempotency_key("").await.unwrap_err(), "The Idempotency-Key is empty"),
        (chats.create(NewChat::new().model(" ")).await.unwrap_err(), "The model is empty"),
        (chats.files().upload(CHAT, "a", "a").options(fields).await.unwrap_err(), none),
        (chats.files().download(CHAT, "a").idempotency_key("k").await.unwrap_err(), "An Idempotency-Key is for create"),
        (chats.retrieve(CHAT).options(titled()).await.unwrap_err(), none),
        (chats.list(ListChats::default()).options(titled()).await.unwrap_err(), none),
        (chats.delete(CHAT).options(titled()).await.unwrap_err(), none),
        (chats.files().download(CHAT, "a").options(titled()).await.unwrap_err(), none),
        (chats.stream(CHAT, None).options(titled()).await.unwrap_err(), none),
        (chats.cancel_turn(CHAT, "").await.unwrap_err(), "The turn id is empty"),
        (chats.stream(CHAT, None).token("").await.unwrap_err(), "The token is empty"),
        (chats.respond(CHAT, "Hi").model("").await.unwrap_err(), "The model is empty"),
        (chats.respond(CHAT, typo).await.unwrap_err(), "Part 2 of the prompt has no filname"),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{told}");
        assert!(error.message().contains(told), "{told}: {error}");
    }
    assert!(kit.counts().requests.is_empty());
    // Of a client it is for the calls it fits.
    let keyed: RequestOptions = serde_json::from_str(r#"{"idempotencyKey":"k"}"#).unwrap();
    client.with_options(keyed).chat().retrieve(CHAT).await.unwrap();
    // Nor is anything sent there that has no place; where it has one, it is JSON.
    client.with_options(titled()).chat().retrieve(CHAT).await.unwrap();
    assert_eq!((kit.counts().last_body.as_str(), kit.counts().last_headers.get("content-type")), ("", None));
    chats.cancel(CHAT).options(titled()).await.unwrap();
    let counts = kit.counts();
    assert_eq!(
        (counts.last_body.as_str(), counts.last_headers["content-type"].as_str()),
        (r#"{"title":"T"}"#, "application/json")
    );
}

#[test]
fn a_part_keeps_every_field_it_came_with() {
    for json in [
        r#"{"type":"text","text":"Hi"}"#,
        r#"{"type":"text","text":"Hi","cached":true}"#,
        r#"{"type":"file","mime":"a/b","url":"data:,","source":{"a":1}}"#,
        r#"{"type":"sketch","strokes":[1]}"#,
    ] {
        let part: PromptPart = serde_json::from_str(json).unwrap();
        let expected: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_value(&part).unwrap(), expected);
        assert_eq!(matches!(part, PromptPart::Known(KnownPart::Text { .. })), json == r#"{"type":"text","text":"Hi"}"#);
    }
}

#[tokio::test]
async fn a_key_that_is_set_is_sent_from_then_on_by_every_clone() {
    let kit = Testkit::with_faults(true, vec![]).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_old").build().unwrap();
    let (clone, other) = (client.clone(), client.with_options(RequestOptions::new()));
    client.set_api_key("sk_new").unwrap();
    for client in [&client, &clone, &other] {
        client.chat().retrieve(CHAT).await.unwrap();
        assert_eq!(kit.counts().last_headers["authorization"], "Bearer sk_new");
    }
    assert_eq!(client.set_api_key("").unwrap_err().kind(), ErrorKind::InvalidArgument);
    client.chat().retrieve(CHAT).await.unwrap();
}
