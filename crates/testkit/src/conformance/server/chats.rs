//! Keys, errors, chats, files.

use super::wire::{Done, Server, ensure, prompt_of, whole};
use serde_json::{Value, json};

pub(super) async fn keys(server: Server) -> Done {
    let bare = || server.bare("GET", "");
    let requests = [
        ("without a key", bare()),
        ("with an empty header", bare().header("authorization", "")),
        ("with another scheme", bare().header("authorization", "Basic a2V5OmtleQ==")),
        ("with a wrong key", bare().bearer_auth("a-key-that-nobody-has")),
    ];
    for (how, request) in requests {
        let answer = whole(request).await?;
        answer.refused("unauthorized").map_err(|wrong| format!("{how}: {wrong}"))?;
        let scheme = answer.header("www-authenticate");
        ensure!(scheme.starts_with("Bearer"), "{how}: www-authenticate is {scheme:?}");
    }
    server.get("").await?.object().map(|_| ())
}

pub(super) async fn errors(server: Server) -> Done {
    let body = server.get("/chat_of_nobody").await?.refused("chat_not_found")?;
    for (name, is) in [("statusCode", body["statusCode"] == 404), ("statusMessage", body["statusMessage"].is_string())]
    {
        ensure!(is, "{name} of an error is {}", body[name]);
    }
    ensure!(body["error"]["requestId"].is_string(), "the error has no requestId: {body}");
    server.get("/chat_of_nobody/no/such/route").await?.refused("route_not_found")?;
    whole(server.request("PUT", "")).await?.refused("method_not_allowed")?;
    let not_json = server.request("POST", "").header("content-type", "application/json").body("{");
    whole(not_json).await?.refused("invalid_request").map(|_| ())
}

pub(super) async fn create(server: Server) -> Done {
    let chat = server.post("", &json!({"title": "One"})).await?.object()?;
    for name in ["id", "status", "provider", "runtimeState"] {
        ensure!(chat[name].as_str().is_some_and(|text| !text.is_empty()), "{name} of a chat is {}", chat[name]);
    }
    let status = &chat["status"];
    ensure!(status == "active" || status == "idle", "the status of a new chat is {status}");
    ensure!(chat["title"] == "One" && chat["idleTimeoutMs"].is_u64(), "the chat is another than requested: {chat}");
    let time = chat["createdAt"].as_str().unwrap_or_default();
    let shaped = time.len() == 24 && time.ends_with('Z') && time.as_bytes().get(19) == Some(&b'.');
    ensure!(shaped, "createdAt is not RFC 3339 in UTC with milliseconds: {time:?} (PROTOCOL VAL-2)");
    let path = format!("/{}", chat["id"].as_str().unwrap_or_default());
    let again = server.get(&path).await?.object()?;
    ensure!(again["id"] == chat["id"] && again["createdAt"] == chat["createdAt"], "it reads back as {again}");
    let renamed = whole(server.json("PATCH", &path, &json!({"title": "Two"}))).await?.object()?;
    ensure!(renamed["title"] == "Two", "renamed, it is {renamed}");
    server.post("", &json!({"title": 5})).await?.refused("invalid_request").map(|_| ())
}

pub(super) async fn lenient(server: Server) -> Done {
    let empty = server.request("POST", "").header("content-type", "text/plain");
    whole(empty).await?.object().map_err(|wrong| format!("an empty body: {wrong} (PROTOCOL HTTP-3)"))?;
    let plain = server.request("POST", "").header("content-type", "text/plain").body(r#"{"title":"T"}"#);
    let chat =
        whole(plain).await?.object().map_err(|wrong| format!("another content type: {wrong} (PROTOCOL HTTP-3)"))?;
    ensure!(chat["title"] == "T", "a body of another content type is not read: {chat} (PROTOCOL HTTP-3)");
    let unknown = json!({"title": null, "noSuchField": 1});
    let chat = server.post("?no_such_option=1", &unknown).await?.object()?;
    ensure!(chat.get("noSuchField").is_none(), "an unknown field comes back: {chat} (PROTOCOL VER-6)");
    Ok(())
}

pub(super) async fn create_once(server: Server) -> Done {
    let key = format!("conformance-{}", super::unique());
    let create = |title: &str| server.json("POST", "", &json!({"title": title})).header("idempotency-key", &key);
    let first = whole(create("One")).await?.object()?;
    let second = whole(create("One")).await?.object()?;
    ensure!(first["id"] == second["id"], "the same key creates {} and {}", first["id"], second["id"]);
    whole(create("Two")).await?.refused("idempotency_mismatch").map(|_| ())
}

pub(super) async fn origins(server: Server) -> Done {
    let page = "https://page.example";
    let answer = whole(server.request("GET", "").header("origin", page)).await?;
    let allowed = answer.header("access-control-allow-origin");
    ensure!(allowed == "*", "access-control-allow-origin is {allowed:?}");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in ["turnwire-turn-id", "turnwire-cursor", "x-request-id"] {
        ensure!(exposed == "*" || exposed.contains(name), "pages cannot read {name}: {exposed:?}");
    }
    let preflight = server.bare("OPTIONS", "").header("origin", page).header("access-control-request-method", "POST");
    let preflight = preflight.header("access-control-request-headers", "authorization,idempotency-key");
    let answer = whole(preflight).await?;
    ensure!(answer.status < 300, "a preflight is answered {}", answer.status);
    let headers = answer.header("access-control-allow-headers").to_lowercase();
    ensure!(headers.contains("authorization"), "pages may not send authorization: {headers:?}");
    Ok(())
}

pub(super) async fn pages(server: Server) -> Done {
    let (older, newer) = (server.chat().await?, server.chat().await?);
    let page = server.get("?limit=1").await?.object()?;
    let only = |page: &Value| format!("/{}", page["data"][0]["id"].as_str().unwrap_or_default());
    ensure!(page["data"].as_array().map(Vec::len) == Some(1), "limit=1 gives {page}");
    ensure!(only(&page) == newer, "the newest chat does not come first: {page}");
    let cursor = page["nextCursor"].as_str().ok_or("the first page has no nextCursor")?;
    let page = server.get(&format!("?limit=1&cursor={cursor}")).await?.object()?;
    ensure!(only(&page) == older, "the second page is {page}");
    Ok(())
}

pub(super) async fn refused_prompts(server: Server) -> Done {
    let chat = server.chat().await?;
    let text = |text: &str| json!({"type": "text", "text": text});
    let many: Vec<Value> = (0..257).map(|_| text("x")).collect();
    let bodies = [
        json!({}),
        json!({"parts": []}),
        json!({"parts": [text("  \n")]}),
        json!({"parts": [{"type": "song"}]}),
        json!({"parts": [{"type": "file", "mime": "text/plain", "url": "http://insecure.example/a.txt"}]}),
        json!({"parts": many}),
    ];
    for body in bodies {
        for route in ["respond", "message"] {
            let answer = server.post(&format!("{chat}/{route}"), &body).await?;
            answer.refused("invalid_request").map_err(|wrong| format!("{route} of {body:.80}: {wrong}"))?;
        }
    }
    let chat = server.get(&chat).await?.object()?;
    ensure!(chat.get("activeTurnId").is_none(), "a refused prompt started a turn: {chat}");
    Ok(())
}

pub(super) async fn ended(server: Server) -> Done {
    let chat = server.chat().await?;
    server.post(&format!("{chat}/message"), &prompt_of("hello")).await?.object()?;
    let end = || async { whole(server.request("DELETE", &chat)).await?.object() };
    let (first, second) = (end().await?, end().await?);
    ensure!(first["status"] == "ended" && first == second, "deleted twice it gives {first} and {second}");
    let about = server.get(&chat).await?.object()?;
    ensure!(about["status"] == "ended", "an ended chat is {about}");
    server.post(&format!("{chat}/respond"), &prompt_of("more")).await?.refused("chat_ended")?;
    server.post(&format!("{chat}/stream-token"), &json!({})).await?.refused("chat_ended")?;
    server.get(&format!("{chat}/files")).await?.refused("chat_ended")?;
    server.post(&format!("{chat}/cancel"), &json!({})).await?.expect(200)?;
    let messages = server.get(&format!("{chat}/messages")).await?.object()?;
    ensure!(messages["data"].as_array().is_some_and(|data| !data.is_empty()), "its messages are gone: {messages}");
    server.get(&format!("{chat}/stream")).await?.expect(204).map_err(|wrong| format!("{wrong} (PROTOCOL RELAY-8)"))?;
    let newest = about["lastEventId"].as_u64().ok_or("an ended chat has no lastEventId")?;
    let at_newest = server.get(&format!("{chat}/stream?lastEventId={newest}")).await?;
    at_newest.expect(204).map_err(|wrong| format!("{wrong} (PROTOCOL RELAY-8)"))?;
    let replay = super::wire::Live::open(server.request("GET", &format!("{chat}/stream?lastEventId=0"))).await?;
    let last = replay.rest().await?.last().and_then(|frame| frame.id);
    ensure!(last == Some(newest), "the replay ends with {last:?}, not with {newest} (PROTOCOL RELAY-8)");
    Ok(())
}

pub(super) async fn files(server: Server) -> Done {
    let chat = server.chat().await?;
    let at = |method: &str, path: &str| server.request(method, &format!("{chat}/files/{path}"));
    for text in ["0123456789 and more", "0123456789"] {
        let file = whole(at("PUT", "a%2Fb.txt").body(text)).await?.object()?;
        ensure!(file["path"] == "a/b.txt" && file["sizeBytes"] == text.len(), "the upload gives {file}");
    }
    let listed = server.get(&format!("{chat}/files")).await?.object()?;
    let found = listed["files"].as_array().is_some_and(|files| files.iter().any(|file| file["path"] == "a/b.txt"));
    ensure!(found, "the file is not listed: {listed}");
    let file = whole(at("GET", "a/b.txt")).await?;
    ensure!(file.expect(200)?.body == b"0123456789", "the download is another file (PROTOCOL FILE-4)");
    let named = file.header("content-disposition");
    ensure!(file.header("content-length") == "10" && named.contains("b.txt"), "its headers are {:?}", file.headers);
    ensure!(file.header("accept-ranges") == "bytes" && !file.header("etag").is_empty(), "they are {:?}", file.headers);
    let part = whole(at("GET", "a/b.txt").header("range", "bytes=2-4")).await?;
    let range = part.expect(206)?.header("content-range");
    ensure!(part.body == b"234" && range == "bytes 2-4/10", "a range gives {range}: {:?}", part.body);
    let beyond = whole(at("GET", "a/b.txt").header("range", "bytes=10-")).await?;
    beyond.refused("range_not_satisfiable")?;
    ensure!(beyond.header("content-range") == "bytes */10", "beyond the end: {:?}", beyond.headers);
    let odd = whole(at("GET", "a/b.txt").header("range", "lines=1-2")).await?;
    ensure!(odd.expect(200)?.body.len() == 10, "another Range is not ignored");
    for path in ["%2e%2e%2Fb.txt", "a%2F%2e%2E%2F%2e%2e%2Fb.txt", "%2Fetc%2Fpasswd"] {
        let answer = whole(at("GET", path)).await?;
        answer.expect(400).map_err(|wrong| format!("{path}: {wrong} (PROTOCOL FILE-1)"))?;
    }
    let folder = whole(at("DELETE", "a")).await?;
    ensure!(folder.status >= 400, "a folder is deleted: {}", folder.status);
    for _ in 0..2 {
        whole(at("DELETE", "a/b.txt")).await?.expect(204)?;
    }
    whole(at("GET", "a/b.txt")).await?.refused("file_not_found").map(|_| ())
}
