//! What a file is uploaded from.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use futures_util::stream;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use turnwire::chat::Upload;
use turnwire::{Client, ErrorKind};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";

async fn kit(faults: Vec<Fault>) -> (Testkit, Client) {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    (kit, client)
}

async fn upload(client: &Client, content: impl Into<Upload>) -> turnwire::Result<()> {
    client.chat().files().upload(CHAT, "notes.txt", content).await.map(drop)
}

fn unavailable() -> Fault {
    Fault { on: "files.upload".into(), status: Some(503), ..Fault::default() }
}

fn pieces(texts: &'static [&'static str]) -> Upload {
    Upload::stream(stream::iter(texts.iter().map(|text| io::Result::Ok(Bytes::from_static(text.as_bytes())))))
}

#[tokio::test]
async fn a_file_is_uploaded_from_bytes_text_a_file_a_reader_and_a_stream() {
    let (kit, client) = kit(vec![]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    tokio::fs::write(&path, "the notes").await.unwrap();
    let open = tokio::fs::File::open(&path).await.unwrap();
    let contents: Vec<Upload> = vec![
        "the notes".into(),
        String::from("the notes").into(),
        b"the notes".to_vec().into(),
        Bytes::from_static(b"the notes").into(),
        (&b"the notes"[..]).into(),
        Upload::file(&path),
        open.into(),
        Upload::reader(&b"the notes"[..]),
        pieces(&["the ", "", "notes"]),
    ];
    for content in contents {
        let shown = format!("{content:?}");
        assert!(!shown.contains("notes"), "{shown}");
        upload(&client, content).await.unwrap();
        let sent = kit.counts();
        assert_eq!(sent.last_body, "the notes");
        assert_eq!(sent.last_headers["content-type"], "application/octet-stream");
    }
}

/// PROTOCOL HTTP-4.
#[tokio::test]
async fn a_source_is_left_once_its_upload_was_refused_though_the_service_reads_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        socket.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        tokio::io::copy(&mut socket, &mut tokio::io::sink()).await
    });
    let client = Client::builder().base_url(url).api_key("sk_test").build().unwrap();
    let (held, left) = tokio::sync::oneshot::channel::<()>();
    let endless = stream::repeat_with(move || {
        let _ = &held;
        Ok(Bytes::from_static(&[0; 1024]))
    });
    let refused = upload(&client, Upload::stream(endless)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(left.await.is_err(), "the source is dropped");
}

/// More than what is read before anything is sent.
const LONG: usize = (1 << 20) + 1;

/// So many bytes, in pieces; `broken`: with an error after them.
fn tape(length: usize, broken: bool) -> Upload {
    let whole = vec![b'x'; length];
    let pieces: Vec<_> = whole.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let torn = broken.then(|| Err(io::Error::other("the tape is torn")));
    Upload::stream(stream::iter(pieces.into_iter().chain(torn)))
}

/// PROTOCOL RETRY-3, RETRY-6.
#[tokio::test]
async fn what_is_short_is_sent_again_and_so_is_a_long_file_but_a_long_stream_is_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    tokio::fs::write(&path, vec![b'x'; LONG]).await.unwrap();
    for (content, length) in [(pieces(&["the ", "notes"]), 9), (tape(LONG - 1, false), LONG - 1)] {
        let (kit, client) = kit(vec![unavailable()]).await;
        upload(&client, content).await.unwrap();
        let sent = kit.counts();
        assert_eq!((sent.requests["files.upload"], sent.last_body.len()), (2, length));
        assert_eq!(sent.last_headers["content-length"], length.to_string());
    }
    let (again, client) = kit(vec![unavailable()]).await;
    upload(&client, Upload::file(&path)).await.unwrap();
    assert_eq!((again.counts().requests["files.upload"], again.counts().last_body.len()), (2, LONG));
    let (once, client) = kit(vec![unavailable()]).await;
    let error = upload(&client, tape(LONG, false)).await.unwrap_err();
    assert_eq!((error.status(), once.counts().requests["files.upload"]), (Some(503), 1));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_as_that_and_costs_no_request_where_it_fails_at_once() {
    let (_kit, reached) = kit(vec![]).await;
    // Nobody listens there: a request would be told as one that did not arrive.
    let nowhere = Client::builder().base_url("http://127.0.0.1:1").api_key("sk_test").max_retries(0).build().unwrap();
    let contents = [
        (&nowhere, Upload::file("/nowhere/notes.txt"), "No such file"),
        (&nowhere, tape(0, true), "the tape is torn"),
        (&nowhere, tape(9, true), "the tape is torn"),
        (&reached, tape(3 * LONG, true), "the tape is torn"),
    ];
    for (client, content, told) in contents {
        let error = upload(client, content).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().starts_with("What was to be uploaded cannot be read"), "{error}");
        assert!(error.message().contains(told), "{error}");
    }
}
