//! What a request carries: options, keys, prompts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use turnwire::chat::NewChat;
use turnwire::{Client, ErrorKind, ListChats, Prompt, RelayCursor, RequestOptions, Timeout};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";
const KEY: &str = "sk_never_to_be_seen";

async fn kit(faults: Vec<Fault>) -> (Testkit, Client) {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key(KEY).backoff_scale(0.0).build().unwrap();
    (kit, client)
}

/// PROTOCOL SEND-7.
#[tokio::test]
async fn options_of_a_call_are_sent_over_those_of_the_client() {
    let (kit, client) = kit(vec![]).await;
    let options: RequestOptions = serde_json::from_str(
        r#"{"headers":{"x-a":"client","x-b":"client"},"query":{"n":1,"list":["a","b c"]},"body":{"extra":true,"title":"won"}}"#,
    )
    .unwrap();
    let client = client.with_options(options);
    client.chat().create(NewChat::new().title("lost")).header("x-a", "call").query("n", 2).await.unwrap();
    let sent = kit.counts();
    assert_eq!((sent.last_headers["x-a"].as_str(), sent.last_headers["x-b"].as_str()), ("call", "client"));
    assert_eq!(sent.last_query, "list=a&list=b+c&n=2");
    let body: serde_json::Value = serde_json::from_str(&sent.last_body).unwrap();
    assert_eq!(body, serde_json::json!({"title": "won", "extra": true}));
    assert_eq!(sent.last_headers["authorization"], format!("Bearer {KEY}"));
    assert!(sent.last_headers["idempotency-key"].len() > 20);
    assert!(sent.last_headers["user-agent"].starts_with("turnwire/"));
}

#[tokio::test]
async fn a_trace_context_is_sent_where_there_is_one() {
    let kit = Testkit::with_faults(true, vec![]).await.unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let client = Client::builder().base_url(kit.url()).api_key(KEY).traceparent(move || Some(trace.to_owned()));
    client.build().unwrap().chat().retrieve(CHAT).await.unwrap();
    assert_eq!(kit.counts().last_headers["traceparent"], trace);
}

/// PROTOCOL SEND-7.
#[tokio::test]
async fn a_header_can_be_taken_away_and_a_key_chosen() {
    let (kit, client) = kit(vec![]).await;
    let options: RequestOptions = serde_json::from_str(r#"{"headers":{"Authorization":null}}"#).unwrap();
    client.chat().create(NewChat::new()).options(options).idempotency_key("mine").await.unwrap();
    let sent = kit.counts();
    assert!(!sent.last_headers.contains_key("authorization"));
    assert_eq!(sent.last_headers["idempotency-key"], "mine");
}

/// PROTOCOL SEND-7.
#[tokio::test]
async fn the_same_idempotency_key_is_the_same_turn() {
    let (kit, client) = kit(vec![]).await;
    let mut first = client.chat().respond(CHAT, "one").idempotency_key("k").await.unwrap();
    let mut second = client.chat().respond(CHAT, "one").idempotency_key("k").await.unwrap();
    assert_eq!(first.result().await.unwrap(), second.result().await.unwrap());
    assert_eq!(kit.counts().turns, 1);
}

/// PROTOCOL RETRY-2.
#[tokio::test]
async fn a_prompt_without_its_key_is_never_sent_again() {
    let lost = Fault { on: "respond".to_owned(), lose_answer: true, ..Fault::default() };
    let (kit, client) = kit(vec![lost]).await;
    client.chat().retrieve(CHAT).await.unwrap();
    let options: RequestOptions = serde_json::from_str(r#"{"headers":{"Idempotency-Key":null}}"#).unwrap();
    assert!(client.chat().respond(CHAT, "one").options(options).await.is_err());
    let counts = kit.counts();
    assert_eq!((counts.turns, counts.requests["respond"]), (1, 1));
    assert!(!counts.last_headers.contains_key("idempotency-key"));
}

/// PROTOCOL VER-2.
#[tokio::test]
async fn what_a_proxy_answers_does_not_make_the_service_another() {
    // The proxy's 502 has no header of ours; the prompt, which did not arrive, is sent again under its key.
    let proxy = Fault { on: "respond".to_owned(), foreign: true, status: Some(502), ..Fault::default() };
    let (kit, client) = kit(vec![proxy]).await;
    client.chat().retrieve(CHAT).await.unwrap();
    client.chat().send_message(CHAT, "one").await.unwrap();
    let counts = kit.counts();
    assert_eq!((counts.turns, counts.requests["respond"]), (1, 2));
}

/// PROTOCOL TOKEN-2, HTTP-7.
#[tokio::test]
async fn a_token_alone_is_enough_to_follow_a_relay() {
    let kit = Testkit::with_faults(true, vec![]).await.unwrap();
    let client = Client::builder().base_url(kit.url()).token("tok_1").build().unwrap();
    client.chat().stream(CHAT, RelayCursor::START).await.unwrap();
    let sent = kit.counts();
    assert!(!sent.last_headers.contains_key("authorization"));
    assert_eq!(sent.last_query, "lastEventId=0&token=tok_1");
    assert_eq!(sent.last_headers["last-event-id"], "0");
    assert_eq!(sent.last_headers["accept-encoding"], "identity");
}

/// PROTOCOL VAL-5, SEND-1.
#[tokio::test]
async fn what_no_request_can_be_made_of_is_refused_before_anything_is_sent() {
    let (kit, client) = kit(vec![]).await;
    let chats = client.chat();
    let folder = tempfile::tempdir().unwrap();
    // The last reads as a certificate, and is none.
    let bundles = ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
    let [empty, no_pem, spoilt] = [0, 1, 2].map(|at| {
        let file = folder.path().join(at.to_string());
        std::fs::write(&file, bundles[at]).unwrap();
        file
    });
    let refused = [
        chats.retrieve("").await.err(),
        chats.cancel("  ").await.err(),
        chats.retrieve("..").await.err(),
        chats.respond("", "hello").await.err(),
        chats.respond(CHAT, Prompt::default()).await.err(),
        chats.respond(CHAT, "").await.err(),
        chats.respond(CHAT, Prompt::default().text("").text("")).await.err(),
        chats.send_message(CHAT, "").await.err(),
        chats.send_message(CHAT, "").raw_call().await.err(),
        chats.files().download(CHAT, "").await.err(),
        chats.reply_to_question(CHAT, "", [["yes"]]).await.err(),
        "nonsense".parse::<turnwire::TurnCursor>().err(),
        chats.create(NewChat::new()).header("bad name", "x").await.err(),
        chats.create(NewChat::new()).header("x-a", "line\nbreak").await.err(),
        chats.create(NewChat::new()).header("Content-Length", "1").await.err(),
        chats.create(NewChat::new()).header("transfer-encoding", "chunked").await.err(),
        Client::builder().base_url(kit.url()).proxy(kit.url()).no_proxy().build().err(),
        Client::builder().base_url(kit.url()).proxy("").build().err(),
        Client::builder().base_url(kit.url()).proxy("gopher://host").build().err(),
        Client::builder().base_url(kit.url()).proxy("http://").build().err(),
        Client::builder().base_url(kit.url()).proxy("http://host:99999").build().err(),
        Client::builder().base_url(kit.url()).proxy("http://host/path").build().err(),
        Client::builder().base_url(kit.url()).proxy("::").build().err(),
        Client::builder().base_url(kit.url()).ca_bundle("/nowhere").build().err(),
        Client::builder().base_url(kit.url()).ca_bundle(empty).build().err(),
        Client::builder().base_url(kit.url()).ca_bundle(no_pem).build().err(),
        Client::builder().base_url(kit.url()).ca_bundle(spoilt).build().err(),
    ];
    for (at, error) in refused.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::InvalidArgument), "number {at}");
    }
    assert!(kit.counts().requests.is_empty());
}

/// PROTOCOL VAL-5.
#[tokio::test]
async fn an_id_is_one_segment_of_the_path_whatever_is_in_it() {
    let (kit, client) = kit(vec![]).await;
    let error = client.chat().retrieve("a/../respond?x#y").await;
    assert!(error.is_ok(), "it is one segment, so it is a chat like any other: {error:?}");
    assert_eq!(kit.counts().requests.get("retrieve"), Some(&1));
}

#[tokio::test]
async fn a_proxy_is_used_and_a_service_that_is_not_there_is_told_in_a_sentence() {
    let (kit, _) = kit(vec![]).await;
    let client = Client::builder().base_url("http://service.invalid").api_key(KEY).proxy(kit.url()).build().unwrap();
    client.chat().retrieve(CHAT).await.unwrap();
    assert_eq!(kit.counts().proxied, 1);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client =
        Client::builder().base_url(format!("http://{closed}")).api_key(KEY).backoff_scale(0.0).build().unwrap();
    let error = client.chat().respond(CHAT, "one").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Connection, "connection_failed"));
    assert!(error.is_connect() && error.is_retryable());
}

#[tokio::test]
async fn a_proxy_that_is_down_is_named_without_its_password() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (service, scheme) in [("http", "http"), ("https", "http"), ("http", "socks5h"), ("https", "socks4a")] {
        let client = Client::builder().base_url(format!("{service}://service.invalid")).api_key(KEY).backoff_scale(0.0);
        let client = client.proxy(format!("{scheme}://user:{KEY}@{closed}")).build().unwrap();
        let error = client.chat().respond(CHAT, "one").await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Connection, "proxy_unreachable"), "{scheme} {error:?}");
        assert!(error.message().contains(&format!("{scheme}://{closed}")), "{error}");
        assert!(error.is_connect() && error.is_retryable() && !format!("{error:?}").contains(KEY), "{error:?}");
    }
}

#[tokio::test]
async fn what_speaks_no_http_is_told_and_not_asked_again() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        // An alert, as of a port that speaks TLS.
        socket.write_all(&[0x15, 3, 1, 0, 2, 2, 0x46]).unwrap();
        // Whoever comes again finds nobody.
        drop(listener);
        std::io::copy(&mut socket, &mut std::io::sink()).ok();
    });
    let client = Client::builder().base_url(url).api_key(KEY).backoff_scale(0.0).build().unwrap();
    let error = client.chat().retrieve(CHAT).await.unwrap_err();
    assert_eq!(error.code(), "invalid_answer", "{error:?}");
    service.join().unwrap();
}

/// PROTOCOL RAW-1.
#[tokio::test]
async fn a_raw_answer_has_status_headers_and_bytes_and_is_parsed_later() {
    let (_kit, client) = kit(vec![]).await;
    let raw = client.chat().retrieve(CHAT).raw().await.unwrap();
    assert_eq!((raw.status(), raw.request_id()), (200, Some("req_testkit")));
    assert_eq!(raw.headers()["turnwire-contract"], "1");
    assert!(raw.body().starts_with(b"{"));
    assert_eq!(raw.parse().unwrap().id, "chat_testkit");
}

/// PROTOCOL ERR-3, ERR-2.
#[tokio::test]
async fn both_published_shapes_of_an_error_are_read() {
    let shapes = [
        (r#"{"error":{"type":"t","code":"chat_not_found","message":"No chat."}}"#, "chat_not_found"),
        (r#"{"statusCode":404,"statusMessage":"Not Found","message":"No chat."}"#, "unexpected_status"),
        (r#"{"message":"No chat.","code":"theirs"}"#, "theirs"),
        (r#"{"error":"No chat."}"#, "unexpected_status"),
    ];
    for (body, code) in shapes {
        let answer = Fault { on: "retrieve".into(), status: Some(404), body: Some(body.into()), ..Fault::default() };
        let (_kit, client) = kit(vec![answer]).await;
        let error = client.chat().retrieve(CHAT).await.unwrap_err();
        assert_eq!((error.kind(), error.code(), error.message()), (ErrorKind::NotFound, code, "No chat."));
        assert_eq!((error.status(), error.request_id(), error.body()), (Some(404), Some("req_testkit"), Some(body)));
    }
}

/// PROTOCOL CHAT-5.
#[tokio::test]
async fn a_list_goes_over_all_its_pages_as_it_is_read() {
    use futures_util::TryStreamExt as _;
    let (kit, client) = kit(vec![]).await;
    let page = client.chat().list(ListChats::new()).await.unwrap();
    assert_eq!((page.data.len(), page.next_cursor.as_deref()), (2, Some("1")));
    let all: Vec<_> =
        client.chat().list_all(ListChats::new().limit(2)).header("x-call", "all").try_collect().await.unwrap();
    let ids: Vec<_> = all.iter().map(|chat| chat.id.as_str()).collect();
    assert_eq!(ids, ["chat_0", "chat_1", "chat_2", "chat_3", "chat_4", "chat_5"]);
    assert_eq!(kit.counts().requests["list"], 4);
    assert_eq!(kit.counts().last_query, "limit=2&cursor=2");
    assert_eq!(kit.counts().last_headers["x-call"], "all");
}

/// PROTOCOL FILE-3.
#[tokio::test]
async fn a_part_of_a_file_from_elsewhere_is_not_taken_for_its_rest() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 200 OK\r\naccept-ranges: bytes\r\netag: \"1\"\r\ncontent-length: 6\r\n\r\nabc",
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-5/6\r\ncontent-length: 4\r\n\r\ncdef",
        ] {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
        }
    });
    let client = Client::builder().base_url(url).api_key(KEY).backoff_scale(0.0).build().unwrap();
    let error = client.chat().files().download(CHAT, "abc.txt").await.unwrap_err();
    assert_eq!(error.code(), "incomplete_download");
    service.join().unwrap();
}

/// PROTOCOL FILE-3.
#[tokio::test]
async fn a_download_whose_connection_breaks_right_after_its_end_is_whole() {
    use std::io::Write as _;
    // Nobody says how long the file is; taken up again, there is nothing more of it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        let answers = [
            "HTTP/1.1 200 OK\r\naccept-ranges: bytes\r\netag: \"1\"\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-range: bytes */3\r\ncontent-length: 0\r\n\r\n",
        ];
        answers.map(|answer| {
            let (mut socket, _) = listener.accept().unwrap();
            let request = request_of(&mut socket);
            socket.write_all(answer.as_bytes()).unwrap();
            request
        })
    });
    let client = Client::builder().base_url(url).api_key(KEY).backoff_scale(0.0).build().unwrap();
    let file = client.chat().files().download(CHAT, "abc.txt").await.unwrap();
    assert_eq!(&*file.content, b"abc");
    let [_, again] = service.join().unwrap();
    assert!(again.contains("range: bytes=3-\r\n") && again.contains("if-range: \"1\"\r\n"), "{again}");
}

/// Reads the head of a request.
fn request_of(socket: &mut std::net::TcpStream) -> String {
    use std::io::Read as _;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

/// PROTOCOL FILE-3.
#[tokio::test]
async fn a_reader_that_is_dropped_while_a_download_is_taken_up_leaves_it_whole() {
    use std::io::Write as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, asked_again) = tokio::sync::oneshot::channel();
    let (go_on, going_on) = std::sync::mpsc::channel::<()>();
    let service = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        request_of(&mut socket);
        let first = "HTTP/1.1 200 OK\r\naccept-ranges: bytes\r\netag: \"1\"\r\ncontent-length: 6\r\n\r\nabc";
        socket.write_all(first.as_bytes()).unwrap();
        drop(socket);
        let (mut socket, _) = listener.accept().unwrap();
        request_of(&mut socket);
        asked.send(()).unwrap();
        going_on.recv().unwrap();
        let rest = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 3-5/6\r\ncontent-length: 3\r\n\r\ndef";
        socket.write_all(rest.as_bytes()).unwrap();
    });
    let client = Client::builder().base_url(url).api_key(KEY).backoff_scale(0.0).build().unwrap();
    let mut stream = client.chat().files().download(CHAT, "abc.txt").stream().await.unwrap();
    assert_eq!(&*stream.chunk().await.unwrap().unwrap(), b"abc");
    tokio::select! {
        chunk = stream.chunk() => panic!("{chunk:?}"),
        asked = asked_again => asked.unwrap(),
    }
    go_on.send(()).unwrap();
    assert_eq!(&*stream.chunk().await.unwrap().unwrap(), b"def");
    assert_eq!(stream.chunk().await.unwrap(), None);
    service.join().unwrap();
}

#[tokio::test]
async fn a_download_that_takes_longer_than_its_total_time_says_so() {
    use std::io::Write as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, all_seen) = std::sync::mpsc::channel::<()>();
    let service = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        request_of(&mut socket);
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc").unwrap();
        let _ = all_seen.recv();
    });
    let client = Client::builder().base_url(url).api_key(KEY).build().unwrap();
    let total = Timeout::new().total(std::time::Duration::from_millis(300));
    let mut stream = client.chat().files().download(CHAT, "abc.txt").timeout(total).stream().await.unwrap();
    assert_eq!(&*stream.chunk().await.unwrap().unwrap(), b"abc");
    assert_eq!(stream.chunk().await.unwrap_err().code(), "total_timeout");
    assert_eq!(stream.chunk().await.unwrap(), None);
    drop(seen);
    service.join().unwrap();
}
