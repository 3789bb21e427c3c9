//! Wrong input: each a clear error of the contract, nothing lost that was told, no hang.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{PREFIX, Service, config, http, prompt, send};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

/// PROTOCOL AUTH-1, VER-1.
#[tokio::test]
async fn nobody_gets_in_without_the_key() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let url = format!("{}{PREFIX}/{chat}", service.url);
    for request in [
        http().get(&url),
        http().get(&url).bearer_auth("wrong"),
        http().get(&url).bearer_auth(""),
        http().get(&url).basic_auth("key-of-a-test", None::<&str>),
        http().post(format!("{}{PREFIX}", service.url)),
        http().delete(&url),
        http().get(format!("{url}/files")),
        http().get(format!("{url}/stream?token=x")),
    ] {
        let refused = send(request).await;
        refused.error(401, "unauthorized");
        assert_eq!(refused.header("turnwire-contract"), "1");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    for open in ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/events.schema.json"] {
        assert_eq!(send(http().get(format!("{}{open}", service.url))).await.status, 200, "{open}");
    }
}

/// PROTOCOL ERR-2, ASK-4.
#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let service = Service::start().await;
    let chat = service.chat().await;
    for (method, path) in [
        ("GET", "/chat_none"),
        ("DELETE", "/chat_none"),
        ("GET", "/chat_none/stream"),
        ("GET", "/chat_none/files"),
        ("GET", "/chat_none/messages"),
    ] {
        service.call(method, path, None).await.error(404, "chat_not_found");
    }
    for strange in ["x", "%00", "..", "chat_%F0%9F%9A%80", "'; DROP TABLE chats; --"] {
        let answer = service.call("GET", &format!("{PREFIX}/{strange}"), None).await;
        assert!(matches!(answer.status, 404 | 400), "{strange}: {}", answer.status);
        assert!(answer.json()["error"]["code"].is_string());
    }
    service.call("POST", "/chat_none/respond", Some(prompt("x"))).await.error(404, "chat_not_found");
    service.call("GET", &format!("/{chat}/turns/turn_none"), None).await.error(404, "turn_not_found");
    service.call("GET", &format!("/{chat}/turns/turn_none/stream"), None).await.error(404, "turn_not_found");
    let answers = Some(json!({"answers": [["x"]]}));
    service.call("POST", &format!("/{chat}/question/que_none/reply"), answers).await.error(404, "question_not_found");
    let reply = Some(json!({"reply": "once"}));
    service.call("POST", &format!("/{chat}/permission/per_none/reply"), reply).await.error(404, "permission_not_found");
    service.call("GET", "/nothing", None).await.error(404, "route_not_found");
    for path in ["%FF", "%FF/stream", &format!("{chat}/turns/%C0"), &format!("{chat}/files/%FF")] {
        send(service.request("GET", &format!("{PREFIX}/{path}"))).await.error(400, "invalid_request");
    }
    service.call("PUT", &format!("/{chat}"), None).await.error(405, "method_not_allowed");
}

/// PROTOCOL SEND-1, VAL-1, ERR-1, CHAT-5.
#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_in_a_sentence() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let post = |body: &'static str| service.request("POST", &format!("/{chat}/respond")).body(body);
    for body in [
        "no json",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"parts\":\"text\"}",
        "{\"parts\":[\"text\"]}",
        "{}",
        "",
        "{\"parts\":[]}",
        "{\"parts\":null}",
        "{\"parts\":[{\"type\":\"text\"}]}",
        "{\"parts\":[{\"type\":\"text\",\"text\":\"\"}]}",
        "{\"parts\":[{\"type\":\"text\",\"text\":\" \\n\"}]}",
        "{\"parts\":[{\"type\":\"image\",\"url\":\"x\"}]}",
        "{\"parts\":[{\"type\":\"file\",\"mime\":\"text/plain\"}]}",
        "{\"parts\":[{\"type\":\"file\",\"mime\":\"text/plain\",\"url\":\"data:,x\",\"filename\":7}]}",
        "{\"parts\":[{\"type\":\"file\",\"mime\":\"text/plain\",\"url\":\"file:///etc/passwd\"}]}",
        "{\"parts\":[{\"type\":\"text\",\"text\":\"x\"}],\"model\":\"no-provider\"}",
        "{\"parts\":[{\"type\":\"text\",\"text\":\"x\"}],\"model\":7}",
    ] {
        let refused = send(post(body)).await.error(400, "invalid_request");
        let message = refused["message"].as_str().unwrap();
        assert!(message.len() > 20 && message.ends_with('.'), "{body}: {message}");
    }
    for body in [
        json!({"idleTimeoutMs": 59_999}),
        json!({"idleTimeoutMs": 86_400_001}),
        json!({"idleTimeoutMs": 60_000.5}),
        json!({"idleTimeoutMs": "60000"}),
        json!({"title": "ä".repeat(1001)}),
        json!({"vaultIds": ["v"]}),
        json!({"model": "x"}),
    ] {
        service.call("POST", "", Some(body)).await.error(400, "invalid_request");
    }
    for body in [
        json!({"title": null, "model": null, "idleTimeoutMs": null, "vaultIds": [], "unknown": 1}),
        json!({"title": "ä".repeat(1000), "idleTimeoutMs": 60_000.0}),
        json!({}),
    ] {
        assert_eq!(service.call("POST", "", Some(body)).await.status, 200);
    }
    service.call("PATCH", &format!("/{chat}"), Some(json!({}))).await.error(400, "invalid_request");
    let renamed = service.call("PATCH", &format!("/{chat}"), Some(json!({"title": "Ähm"}))).await.json();
    assert_eq!(renamed["title"], "Ähm");
    for query in ["limit=0", "limit=x", "limit=", "limit=201", "cursor=x", "status=gone"] {
        service.call("GET", &format!("?{query}"), None).await.error(400, "invalid_request");
    }
    let none = service.call("GET", "/chat_none/turns/x", None).await;
    none.error(404, "chat_not_found");
    let about = service.call("GET", &format!("/{chat}"), None).await.json();
    assert!(about.get("activeTurnId").is_none(), "nothing of all that started a turn: {about}");
}

/// PROTOCOL HTTP-3.
#[tokio::test]
async fn a_body_of_any_content_type_is_json_and_an_empty_one_an_object() {
    let service = Service::start().await;
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", ""] {
        for body in ["", "{}", " \n"] {
            let answer = send(service.request("POST", "").header("content-type", kind).body(body)).await;
            assert_eq!(answer.status, 200, "{kind:?} {body:?}");
        }
    }
}

/// PROTOCOL HTTP-4, LIMIT-1.
#[tokio::test]
async fn a_prompt_of_five_megabytes_is_answered_not_cut_off() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let large = prompt(&"x".repeat(5 << 20)).to_string();
    // Told its length, and not.
    let whole = service.request("POST", &format!("/{chat}/respond")).body(large.clone());
    send(whole).await.error(413, "payload_too_large");
    let pieces: Vec<Result<bytes::Bytes, std::io::Error>> =
        large.as_bytes().chunks(64 * 1024).map(|piece| Ok(bytes::Bytes::copy_from_slice(piece))).collect();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    send(service.request("POST", &format!("/{chat}/respond")).body(body)).await.error(413, "payload_too_large");

    // A client that sends all of it before it reads anything, without a key on top.
    let address = service.url.trim_start_matches("http://").to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(&address).unwrap();
        let head = format!(
            "POST {PREFIX} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            large.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(large.as_bytes()).expect("the server reads what it does not want");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 401 "));
    assert_eq!(service.turn(&chat, "Small").await["status"], "completed");
}

/// PROTOCOL FILE-1, FILE-2.
#[tokio::test]
async fn files_stay_inside_the_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let service = Service::with(config(&data)).await;
    let chat = service.chat().await;
    let url = format!("{}{PREFIX}/{chat}/files", service.url);
    let put =
        |path: &str, body: &'static str| service.http.put(format!("{url}/{path}")).bearer_auth(common::KEY).body(body);
    let uploaded = send(put("notes/Größe.txt", "groß")).await;
    assert_eq!(uploaded.json(), json!({"name": "Größe.txt", "path": "notes/Größe.txt", "sizeBytes": 5}));
    let listed = service.call("GET", &format!("/{chat}/files"), None).await.json();
    assert_eq!(listed["files"], json!([uploaded.json()]));
    for spelled in ["notes/Gr%C3%B6%C3%9Fe.txt", "notes%2FGr%C3%B6%C3%9Fe.txt"] {
        let file = service.call("GET", &format!("/{chat}/files/{spelled}"), None).await;
        assert_eq!((file.status, &*file.body), (200, "groß".as_bytes()));
        assert_eq!(file.header("content-length"), "5");
        assert!(file.header("content-disposition").ends_with("UTF-8''Gr%C3%B6%C3%9Fe.txt"));
        assert_eq!(file.header("content-type"), "text/plain");
    }
    let ranged =
        service.request("GET", &format!("/{chat}/files/notes%2FGr%C3%B6%C3%9Fe.txt")).header("range", "bytes=0-1");
    let ranged = send(ranged).await;
    assert_eq!((ranged.status, &*ranged.body, ranged.header("content-range")), (206, &b"gr"[..], "bytes 0-1/5"));
    let ranged = |range: &str| {
        send(service.request("GET", &format!("/{chat}/files/notes%2FGr%C3%B6%C3%9Fe.txt")).header("range", range))
    };
    let beyond = ranged("bytes=5-").await;
    beyond.error(416, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), "bytes */5");
    assert_eq!(ranged("bytes=4-2").await.status, 200, "no range at all");

    let workspace = data.join("workspaces").join(&chat);
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), workspace.join("leak")).unwrap();
    std::os::unix::fs::symlink(folder.path(), workspace.join("out")).unwrap();
    let long = format!("notes/{}", "x".repeat(300));
    // A raw socket, as clients tidy paths up before they send them.
    for (path, status) in [
        ("../../../secret.txt", 400),
        ("..%2F..%2F..%2Fsecret.txt", 400),
        ("%2e%2e/%2e%2e/%2e%2e/secret.txt", 400),
        ("/etc/passwd", 400),
        ("%2Fetc%2Fpasswd", 400),
        ("%FF", 400),
        ("notes/../../x", 400),
        (long.as_str(), 400),
        ("a%00b", 400),
        ("..%5C..%5Csecret.txt", 400),
        ("leak", 403),
        ("out/secret.txt", 403),
        ("nothing", 404),
        ("notes", 404),
    ] {
        for method in ["GET", "PUT"] {
            let (found, body) = raw(&service.url, method, &format!("{PREFIX}/{chat}/files/{path}")).await;
            assert!(!body.contains("secret\n") && !body.ends_with("secret"), "{path}: {body}");
            if method == "GET" {
                assert_eq!(found, status, "{method} {path}: {body}");
            } else if !matches!(path, "leak" | "nothing") {
                assert!(found >= 400, "{method} {path}: {body}");
            }
        }
    }
    assert_eq!(
        std::fs::read_to_string(folder.path().join("secret.txt")).unwrap(),
        "secret",
        "a link is replaced, not followed"
    );
    assert!(!folder.path().join("x").exists());

    // The server's own repository is no file of anybody's, whatever link leads to it.
    std::fs::create_dir_all(workspace.join(".git")).unwrap();
    std::fs::write(workspace.join(".git/config"), "ours").unwrap();
    std::os::unix::fs::symlink(".git", workspace.join("link")).unwrap();
    for path in ["link/config", "link/hooks/post-checkout"] {
        for method in ["GET", "PUT"] {
            let answer = service.call(method, &format!("/{chat}/files/{path}"), None).await;
            answer.error(404, "file_not_found");
        }
        let deleted = service.call("DELETE", &format!("/{chat}/files/{path}"), None).await;
        assert_eq!(deleted.status, 204, "as of any file that is not there");
    }
    assert_eq!(std::fs::read(workspace.join(".git/config")).unwrap(), b"ours");
    assert!(!workspace.join(".git/hooks").exists());
    service.stop().await;
}

/// A request whose path is sent as it is.
async fn raw(url: &str, method: &str, path: &str) -> (u16, String) {
    let address = url.trim_start_matches("http://").to_owned();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        common::KEY
    );
    let answer = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// PROTOCOL FILE-4, LIMIT-1.
#[tokio::test]
async fn an_upload_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.upload_bytes = 1 << 20;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let path = format!("/{chat}/files/big.bin");
    send(service.request("PUT", &path).body("old")).await;
    let large = vec![1_u8; (1 << 20) + 1];
    send(service.request("PUT", &path).body(large.clone())).await.error(413, "payload_too_large");
    let pieces = large.chunks(100_000).map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(piece)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces.collect::<Vec<_>>()));
    send(service.request("PUT", &path).body(body)).await.error(413, "payload_too_large");
    // A client that goes away in the middle.
    let broken: Vec<Result<bytes::Bytes, std::io::Error>> =
        vec![Ok(bytes::Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(broken));
    assert!(service.request("PUT", &path).body(body).send().await.is_err());
    assert_eq!(&*service.call("GET", &path, None).await.body, b"old");
    service.stop().await;
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0, "nothing is left behind");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_put_there_during_an_upload_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::with(config(&data)).await;
    let chat = service.chat().await;
    let outside = folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let (rest, late) = tokio::sync::oneshot::channel::<()>();
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>("half")]);
    let pieces = futures_util::StreamExt::chain(
        first,
        futures_util::stream::once(async move {
            late.await.unwrap();
            Ok("the rest")
        }),
    );
    let upload = service.request("PUT", &format!("/{chat}/files/notes/x.txt"));
    let upload = tokio::spawn(send(upload.body(reqwest::Body::wrap_stream(pieces))));
    // Its first half has come: the place it goes to was looked at.
    let half = || std::fs::read_dir(data.join("uploads")).is_ok_and(|mut files| files.next().is_some());
    while !half() {
        tokio::task::yield_now().await;
    }
    let notes = data.join("workspaces").join(&chat).join("notes");
    std::fs::remove_dir(&notes).unwrap();
    std::os::unix::fs::symlink(&outside, &notes).unwrap();
    rest.send(()).unwrap();
    upload.await.unwrap().error(403, "forbidden");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    service.stop().await;
}

/// PROTOCOL RELAY-2.
#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut full = config(folder.path());
    full.limits.log_bytes = Some(600 * 1024);
    let service = Service::with(full).await;
    let chat = service.chat().await;
    let mut relay = service.relay(&chat, 0).await;
    let mut stream = service.respond(&chat, "/long 20000").await;
    let turn = stream.rest().await;
    assert_ne!(turn.last().unwrap().event.as_deref(), Some("turn.completed"), "the turn cannot have ended");
    let told = relay.rest().await;
    assert!(told.len() > 100);

    // What is small may still find a place; soon nothing does.
    let mut refused = service.call("POST", &format!("/{chat}/respond"), Some(prompt("/long 500"))).await;
    for _ in 0..100 {
        if refused.status != 200 {
            break;
        }
        refused = service.call("POST", &format!("/{chat}/respond"), Some(prompt("/long 500"))).await;
    }
    refused.error(507, "storage_full");
    assert_eq!(service.call("GET", "/healthz", None).await.status, 200);
    let mut again = service.relay(&chat, 0).await;
    for frame in &told {
        assert_eq!(again.next().await.as_ref(), Some(frame), "what was told can be read again");
    }
    drop(again);
    service.stop().await;

    // With room again, all goes on.
    let service = Service::with(config(folder.path())).await;
    let mut again = service.relay(&chat, 0).await;
    for frame in &told {
        assert_eq!(again.next().await.as_ref(), Some(frame));
    }
    let id = turn[0].json()["turnId"].as_str().unwrap().to_owned();
    let first: Value = service.call("GET", &format!("/{chat}/turns/{id}"), None).await.json();
    assert_eq!(first["status"], "interrupted");
    assert_eq!(service.turn(&chat, "More").await["status"], "completed");
    service.stop().await;
}

/// PROTOCOL HTTP-5.
#[tokio::test]
async fn a_page_of_another_origin_may_ask_before_it_asks() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let asked = http()
        .request(reqwest::Method::OPTIONS, format!("{}{PREFIX}/{chat}/respond", service.url))
        .header("origin", "https://example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,idempotency-key,last-event-id");
    let answer = send(asked).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    for header in ["authorization", "content-type", "idempotency-key", "last-event-id"] {
        assert!(answer.header("access-control-allow-headers").contains(header), "{header}");
    }
    let refused = send(http().get(format!("{}{PREFIX}/{chat}", service.url))).await;
    assert_eq!(refused.header("access-control-allow-origin"), "*", "it may read why it was refused");
    assert!(refused.header("access-control-expose-headers").contains("x-request-id"));
}

#[tokio::test]
async fn many_streams_share_one_connection_of_http_2() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("{}{PREFIX}/{chat}/stream?lastEventId=0", service.url);
    let mut streams = Vec::new();
    for _ in 0..120 {
        let mut opened = common::stream(http2.get(&url).bearer_auth(common::KEY)).await;
        assert_eq!(opened.next().await.unwrap().id, "1");
        streams.push(opened);
    }
    assert_eq!(service.turn(&chat, "To all of you").await["status"], "completed");
    for stream in &mut streams {
        stream.until(|frame| frame.data.contains("To all of you")).await;
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.header_time = std::time::Duration::from_millis(200);
    let service = Service::with(config).await;
    let address = service.url.trim_start_matches("http://").to_owned();
    for said in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM", "GET / HTTP/1.1\r\nhost"] {
        let address = address.clone();
        let closed = tokio::task::spawn_blocking(move || {
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(common::LONG)).unwrap();
            socket.write_all(said.as_bytes()).unwrap();
            socket.read_to_end(&mut Vec::new())
        });
        closed.await.unwrap().unwrap_or_else(|error| panic!("after {said:?}: {error}"));
    }
    let chat = service.chat().await;
    assert_eq!(service.turn(&chat, "Hello").await["status"], "completed");
    service.stop().await;
}
