//! Whom clients trust: read once for all that trust the same, and anew when it has changed. Alone in its file: what other
//! tests read would be counted too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use turnwire::Client;
use turnwire_testkit::Testkit;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// How often the certificate authorities were read.
    fn reads(&self) -> usize {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().matches("certificate authorities are read").count()
    }
}

#[tokio::test]
async fn certificates_are_read_once_for_all_clients_and_again_once_their_file_has_changed() {
    let log = Log::default();
    let writer = log.clone();
    let logged = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(logged.finish());

    let (kit, other) = (Testkit::with_tls().await.unwrap(), Testkit::with_tls().await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let client_of = |kit: &Testkit, bundle: &Path| {
        let client = Client::builder().base_url(kit.tls_url().unwrap()).api_key("sk_test").ca_bundle(bundle);
        client.no_proxy().max_retries(0).build().unwrap()
    };
    let client = |bundle: &Path| client_of(&kit, bundle);
    let turn = async |client: Client| match client.chat().send_message("chat_testkit", "one").await {
        Ok(turn) => turn.status.to_string(),
        Err(error) => error.code().to_owned(),
    };

    std::fs::write(&file, other.ca().unwrap()).unwrap();
    for _ in 0..20 {
        assert_eq!(turn(client(&file)).await, "certificate_refused");
    }
    assert_eq!(log.reads(), 1, "20 clients");
    std::fs::write(&file, format!("{}\n{}", other.ca().unwrap(), kit.ca().unwrap())).unwrap();
    for _ in 0..20 {
        assert_eq!(turn(client(&file)).await, "completed");
    }
    assert_eq!(log.reads(), 2, "the file holds more now");
    // The folder, once another file lies in it.
    let subfolder = folder.path().join("more");
    std::fs::create_dir(&subfolder).unwrap();
    std::fs::write(subfolder.join("a.pem"), other.ca().unwrap()).unwrap();
    assert_eq!(turn(client(&subfolder)).await, "certificate_refused");
    std::fs::write(subfolder.join("b.pem"), kit.ca().unwrap()).unwrap();
    for _ in 0..2 {
        assert_eq!(turn(client(&subfolder)).await, "completed");
    }
    assert_eq!(log.reads(), 4, "the folder holds more now");

    // That is all they share: each has connections of its own.
    let mut clients = vec![];
    for _ in 0..3 {
        let client = client_of(&other, &subfolder);
        client.chat().retrieve("chat_testkit").await.unwrap();
        clients.push(client);
    }
    assert_eq!((other.counts().open_connections, log.reads()), (3, 4));
}
