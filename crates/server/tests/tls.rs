//! TLS, as clients meet it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{KEY, LONG, PREFIX, config, prompt};
use serde_json::{Value, json};
use std::error::Error as _;
use std::path::Path;
use tokio::io::AsyncReadExt as _;
use turnwire_server::{Config, Server, TlsConfig};

/// A file as keys are kept.
fn private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// A server with a certificate of its own for `localhost`, and a client that trusts it.
async fn start(folder: &Path) -> (Server, reqwest::Client) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    private(&key, &made.signing_key.serialize_pem());
    let mut config = config(&folder.join("data"));
    config.tls = Some(TlsConfig { cert, key });
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    (Server::start(config).await.unwrap(), client)
}

async fn call(client: &reqwest::Client, url: &str, body: &Value) -> (http::Version, Value) {
    let answer = client.post(url).bearer_auth(KEY).body(body.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.version(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn turns_run_over_tls_and_addresses_say_https() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = start(folder.path()).await;
    let base = format!("https://localhost:{}", server.local_addr().port());
    let (version, chat) = call(&client, &format!("{base}{PREFIX}"), &json!({})).await;
    assert_eq!(version, http::Version::HTTP_2, "agreed on in the handshake");
    let id = chat["id"].as_str().unwrap();
    let (_, turn) = call(&client, &format!("{base}{PREFIX}/{id}/message"), &prompt("Hello")).await;
    assert_eq!(turn["status"], "completed");
    let (_, token) = call(&client, &format!("{base}{PREFIX}/{id}/stream-token"), &json!({})).await;
    let url = token["streamUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("{base}{PREFIX}/{id}/stream?token=")), "{url}");
    assert_eq!(client.get(url).send().await.unwrap().status(), 200, "and it can be opened as it stands");
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_speaks_plainly_or_trusts_another_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = start(folder.path()).await;
    let port = server.local_addr().port();
    let strict = common::http();
    let plain = strict.get(format!("http://localhost:{port}/healthz")).send().await;
    assert!(plain.is_err());
    let stranger = strict.get(format!("https://localhost:{port}/healthz")).send().await.unwrap_err();
    let mut causes = String::new();
    let mut cause = stranger.source();
    while let Some(error) = cause {
        causes.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(causes.contains("certificate"), "{causes}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    private(&key, &made.signing_key.serialize_pem());
    let mut config: Config = config(&folder.path().join("data"));
    config.tls = Some(TlsConfig { cert, key });
    config.limits.header_time = std::time::Duration::from_millis(50);
    let server = Server::start(config).await.unwrap();
    let mut silent = tokio::net::TcpStream::connect(server.local_addr()).await.unwrap();
    let read = tokio::time::timeout(LONG, silent.read(&mut [0; 16])).await.expect("it stays open");
    assert!(matches!(read, Ok(0) | Err(_)));
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (made, other) = (
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap(),
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap(),
    );
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        private(&file, text);
        file
    };
    let (cert, key) = (write("cert.pem", &made.cert.pem()), write("key.pem", &made.signing_key.serialize_pem()));
    let (text, other) = (write("text.pem", "hello"), write("other.pem", &other.signing_key.serialize_pem()));
    for (cert, key, blamed) in
        [(&text, &key, "text.pem"), (&cert, &text, "text.pem"), (&cert, &other, "other.pem"), (&key, &key, "key.pem")]
    {
        let mut config = config(&folder.path().join("data"));
        config.tls = Some(TlsConfig { cert: cert.clone(), key: key.clone() });
        let error = Server::start(config).await.unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(blamed), "{error}: {cause}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_private_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    private(&key, &made.signing_key.serialize_pem());
    for (mode, taken) in [(0o644, false), (0o640, false), (0o602, false), (0o600, true), (0o400, true)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut config = config(&folder.path().join("data"));
        config.tls = Some(TlsConfig { cert: cert.clone(), key: key.clone() });
        match Server::start(config).await {
            Ok(server) => {
                assert!(taken, "{mode:o}");
                server.shutdown().await;
            }
            Err(error) => {
                assert!(!taken, "{mode:o}");
                let cause = error.source().unwrap().source().unwrap().to_string();
                assert!(cause.contains("key.pem") && cause.contains("chmod 600"), "{cause}");
            }
        }
    }
}
