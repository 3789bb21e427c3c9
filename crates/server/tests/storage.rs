//! The data folder: whole after a stop, refused where it cannot be used, and said to be so while the server runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{LONG, Service, config, http, prompt, send};
use serde_json::Value;
use std::path::Path;
use turnwire_server::{Server, ServerError, keys};

const FILE: &str = "turnwire.sqlite";

/// A data folder in which a chat has had a turn; and the chat, and its log.
async fn used(folder: &Path) -> (String, Vec<common::Frame>) {
    let service = Service::with(config(folder)).await;
    let chat = service.chat().await;
    assert_eq!(service.turn(&chat, "/tool").await["status"], "completed");
    let log = log(&service, &chat).await;
    service.stop().await;
    (chat, log)
}

async fn log(service: &Service, chat: &str) -> Vec<common::Frame> {
    let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].to_string();
    service.relay(chat, 0).await.until(|frame| frame.id == head).await
}

/// Why a server does not start on this folder: its sentence.
async fn refused(folder: &Path) -> ServerError {
    match Server::start(config(folder)).await {
        Ok(server) => {
            server.shutdown().await;
            panic!("it started");
        }
        Err(error) => error,
    }
}

async fn readyz(service: &Service) -> (u16, Value) {
    let answer = send(http().get(format!("{}/readyz", service.url))).await;
    (answer.status, answer.json())
}

/// Asks until the server says that it is (or is not) ready; gives what it says.
async fn until_ready(service: &Service, wanted: bool) -> Value {
    let asked = async {
        loop {
            let (status, body) = readyz(service).await;
            if (status == 200) == wanted {
                return body;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, asked).await.expect("it does not say so")
}

#[tokio::test]
async fn after_a_clean_stop_the_one_file_is_a_backup_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (chat, told) = used(folder.path()).await;
    let rest = |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |about| about.len());
    assert_eq!((rest("turnwire.sqlite-wal"), rest("turnwire.sqlite-shm")), (0, 0));
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join(FILE), copy.path().join(FILE)).unwrap();
    let service = Service::with(config(copy.path())).await;
    assert_eq!(log(&service, &chat).await[..told.len()], told[..]);
    service.stop().await;
}

#[tokio::test]
async fn a_data_folder_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path()).await;
    let file = folder.path().join(FILE);
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 1000).unwrap();
    connection.close().unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = refused(folder.path()).await;
    assert!(matches!(error, ServerError::DataNewer { .. }), "{error:?}");
    assert!(error.to_string().contains("newer version") && error.to_string().contains("update"), "{error}");
    let error = keys::list(folder.path()).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    let error = keys::create(folder.path(), "", "default", &[]).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert!(before == std::fs::read(&file).unwrap(), "it was changed");
}

#[tokio::test]
async fn a_damaged_database_is_told_as_that_and_left_as_it_is() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("another file", |bytes| *bytes = b"This is no database, it is a letter to you.".repeat(100)),
        ("its head", |bytes| bytes[..100].fill(7)),
        ("its middle", |bytes| bytes[4096..].fill(7)),
        ("its tables", |bytes| bytes[105..2000].fill(0xff)),
        ("its end", |bytes| bytes.truncate(bytes.len() / 2)),
    ];
    let whole = tempfile::tempdir().unwrap();
    used(whole.path()).await;
    for (what, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = std::fs::read(whole.path().join(FILE)).unwrap();
        damage(&mut bytes);
        let file = folder.path().join(FILE);
        std::fs::write(&file, &bytes).unwrap();
        let error = refused(folder.path()).await;
        let sentence = error.to_string();
        assert!(matches!(error, ServerError::DataDamaged { .. }), "{what}: {error:?}");
        assert!(sentence.contains(FILE) && sentence.contains("damaged") && sentence.contains("backup"), "{sentence}");
        assert!(bytes == std::fs::read(&file).unwrap(), "{what}: it was changed");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), "This is no database.".repeat(100)).unwrap();
    let error = keys::list(folder.path()).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");

    std::fs::write(whole.path().join("lock.sqlite"), "This is no database.".repeat(100)).unwrap();
    let error = refused(whole.path()).await.to_string();
    assert!(error.contains("lock.sqlite") && error.contains("damaged"), "{error}");
}

#[tokio::test]
async fn what_uploads_left_half_done_is_gone_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path()).await;
    let uploads = folder.path().join("uploads");
    std::fs::write(uploads.join("half"), vec![0; 100_000]).unwrap();
    std::fs::create_dir_all(uploads.join("strange/deep")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("workspaces"), uploads.join("link")).unwrap();
    let service = Service::with(config(folder.path())).await;
    assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 0);
    assert!(folder.path().join("workspaces").is_dir(), "a link is not followed");
    // A second server that does not get the folder touches nothing of the first one's.
    std::fs::write(uploads.join("coming"), "half").unwrap();
    assert!(matches!(refused(folder.path()).await, ServerError::DataInUse { .. }));
    assert!(uploads.join("coming").exists());
    service.stop().await;
}

#[tokio::test]
async fn a_turn_that_meets_a_full_disk_is_told_so_and_nobody_is_sent_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut full = config(folder.path());
    full.limits.log_bytes = Some(600 * 1024);
    let service = Service::with(full).await;
    let chat = service.chat().await;
    assert_eq!(readyz(&service).await.0, 200);
    let ask = async |text: &str| service.call("POST", &format!("/{chat}/message"), Some(prompt(text))).await;
    // It fills up while the turn runs.
    ask("/long 20000").await.error(507, "storage_full");
    let mut refused = ask("/long 500").await;
    for _ in 0..100 {
        if refused.status == 507 {
            break;
        }
        refused = ask("/long 500").await;
    }
    refused.error(507, "storage_full");
    let said = until_ready(&service, false).await;
    assert_eq!(said["error"]["code"], "storage_unavailable");
    assert!(said["message"].as_str().unwrap().contains("full"), "{said}");
    assert_eq!(service.call("GET", "/healthz", None).await.status, 200, "it lives all the same");
    service.stop().await;
    let service = Service::with(config(folder.path())).await;
    assert_eq!(readyz(&service).await.0, 200, "there is room again");
    service.stop().await;
}

#[tokio::test]
async fn nobody_is_sent_to_a_server_whose_data_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    let service = Service::with(config(&data)).await;
    let chat = service.chat().await;
    for replaced in [false, true] {
        std::fs::rename(&data, &away).unwrap();
        if replaced {
            std::fs::create_dir_all(data.join("workspaces")).unwrap();
            std::fs::copy(away.join(FILE), data.join(FILE)).unwrap();
        }
        let (status, said) = readyz(&service).await;
        assert_eq!((status, &said["error"]["code"]), (503, &"storage_unavailable".into()), "{said}");
        assert!(said["message"].as_str().unwrap().contains("data folder"), "{said}");
        // What would be lost in silence is not begun.
        let turn = service.call("POST", &format!("/{chat}/message"), Some(prompt("Hello"))).await;
        turn.error(503, "storage_unavailable");
        service.call("POST", "", None).await.error(503, "storage_unavailable");
        let _ = std::fs::remove_dir_all(&data);
        std::fs::rename(&away, &data).unwrap();
        assert_eq!(readyz(&service).await.0, 200);
    }
    assert_eq!(service.turn(&chat, "Hello").await["status"], "completed");
    service.request("PUT", &format!("/{chat}/files/a")).body("a").send().await.unwrap();
    std::fs::rename(data.join("workspaces"), &away).unwrap();
    assert_eq!(readyz(&service).await.0, 503, "without the workspaces nothing can be done");
    files_are_unavailable(&service, &chat).await;
    std::fs::rename(&away, data.join("workspaces")).unwrap();
    // One that an agent removed, say.
    let mine = data.join("workspaces").join(&chat);
    std::fs::rename(&mine, &away).unwrap();
    files_are_unavailable(&service, &chat).await;
    std::fs::rename(&away, &mine).unwrap();
    assert_eq!(service.call("GET", &format!("/{chat}/files/a"), None).await.body, "a");
    service.stop().await;
}

/// Neither an empty list nor a file that is not there: both would say that nothing was lost.
async fn files_are_unavailable(service: &Service, chat: &str) {
    for (method, path) in [("GET", "files"), ("GET", "files/a"), ("PUT", "files/b"), ("DELETE", "files/a")] {
        let answer = service.call(method, &format!("/{chat}/{path}"), None).await;
        answer.error(503, "storage_unavailable");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_is_sent_to_a_server_whose_opencode_does_not_start() {
    use common::stand_in::{on, program, with};
    use turnwire_server::RuntimeConfig;
    for isolate in [None, Some(2)] {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = with(program(folder.path(), "echo the moon is in the wrong house >&2; exit 3"), folder.path());
        if let RuntimeConfig::Local { isolate: processes, .. } = &mut broken.runtime {
            *processes = isolate;
        }
        let service = Service::with(broken).await;
        service.call("POST", "", None).await.error(503, "runtime_unavailable");
        let said = until_ready(&service, false).await;
        assert!(said["message"].as_str().unwrap().contains("the moon is in the wrong house"), "{said}");
        // Mended: whoever asks for it finds that it starts, and then others are sent there again.
        let answer = |request: axum::extract::Request| async move {
            let path = request.uri().path().to_owned();
            if path == "/event" {
                let first = "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n";
                let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
                let events = futures_util::StreamExt::chain(first, futures_util::stream::pending());
                let body = axum::body::Body::from_stream(events);
                return axum::response::IntoResponse::into_response(([("content-type", "text/event-stream")], body));
            }
            let answer = serde_json::json!({ "version": "1.18.0", "id": "ses_1" });
            axum::response::IntoResponse::into_response(axum::Json(answer))
        };
        on(axum::Router::new().fallback(answer), folder.path()).await;
        let mended = service.call("POST", "", None).await;
        assert_eq!(mended.status, 200, "{}", mended.json());
        assert_eq!(readyz(&service).await.0, 200);
        service.stop().await;
    }
}
