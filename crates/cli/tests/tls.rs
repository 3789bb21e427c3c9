//! The program over TLS: a server with a certificate nobody knows, and clients that trust it or do not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, err, out, run};

#[test]
fn a_certificate_is_trusted_where_its_authority_is_named() {
    let home = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    common::private(&key, &made.signing_key.serialize_pem());
    let files = [cert.to_str().unwrap(), key.to_str().unwrap()];
    let args = ["--runtime", "practice", "--listen", "127.0.0.1:0", "--tls-cert", files[0], "--tls-key", files[1]];
    let mut server = Server::start_with(home, &args, &[]);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    server.url = server.url.replace("127.0.0.1", "localhost");
    let key = std::fs::read_to_string(server.home.path().join(".local/share/turnwire/api-key")).unwrap();

    let mut send = server.client(&["send", "new", "Hello there"]);
    let trusting = run(send.env("TURNWIRE_API_KEY", key.trim()).env("SSL_CERT_FILE", &cert), "");
    assert_eq!(out(&trusting), "Hello there\n", "{}", err(&trusting));
    let mut send = server.client(&["send", "new", "Hello there"]);
    let refused = run(send.env("TURNWIRE_API_KEY", key.trim()).env_remove("SSL_CERT_FILE"), "");
    assert_eq!(refused.status.code(), Some(1));
    let said = err(&refused);
    assert!(said.contains("is not trusted") && said.contains("SSL_CERT_FILE") && !said.contains(key.trim()), "{said}");
}
