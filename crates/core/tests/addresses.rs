//! Every case of `tests/conformance/addresses.json`: what a base URL and a prefix lead to, or why they are refused.
#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use turnwire::{Client, ErrorKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    base: String,
    prefix: Option<String>,
    /// Part of the sentence by which it is refused.
    refused: Option<String>,
    /// The path of a request.
    path: Option<String>,
}

#[tokio::test]
async fn an_address_is_right_or_refused_in_a_sentence() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/addresses.json");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for Case { base, prefix, refused, path } in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = base.replace("{service}", &listener.local_addr().unwrap().to_string());
        let mut builder = Client::builder().base_url(url).api_key("sk_test");
        if let Some(prefix) = &prefix {
            builder = builder.prefix(prefix);
        }
        let case = format!("{base:?} {prefix:?}");
        let client = match (builder.build(), refused) {
            (Err(error), Some(refused)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{case}");
                assert!(
                    error.message().contains(&refused) && !format!("{error:?}").contains("sesame"),
                    "{case}: {error:?}"
                );
                continue;
            }
            (built, refused) => built.unwrap_or_else(|error| panic!("{case} {refused:?}: {error}")),
        };
        let path = path.unwrap_or_else(|| panic!("{case} is not refused"));
        let service = std::thread::spawn(move || told(&listener));
        client.chat().retrieve("chat_1").await.unwrap();
        assert_eq!(service.join().unwrap(), path, "{case}");
    }
}

/// Answers one request, and tells its path.
fn told(listener: &TcpListener) -> String {
    let (mut socket, _) = listener.accept().unwrap();
    let mut request = [0; 4096];
    let read = socket.read(&mut request).unwrap();
    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"id\":\"chat_1\"}").unwrap();
    String::from_utf8_lossy(&request[..read]).split(' ').nth(1).unwrap().to_owned()
}
