//! What the environment decides about connections. Each case is a process of its own, for a process has one environment:
//! this very program, told by a variable to be the client.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Stdio;
use turnwire::Client;
use turnwire_testkit::Testkit;

const ADDRESS: &str = "TURNWIRE_TEST_ADDRESS";

/// The client: one turn, and what came of it.
async fn client(url: String) -> String {
    let client = Client::builder().base_url(url).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    match client.chat().send_message("chat_testkit", "one").await {
        Ok(turn) => turn.status.to_string(),
        Err(error) => error.code().to_owned(),
    }
}

/// What a client in an environment with these variables comes to.
async fn come_to(url: &str, vars: &[(&str, &str)]) -> String {
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_ca_and_a_proxy_of_the_environment_are_used", "--nocapture"]);
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        child.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = child.env(ADDRESS, url).envs(vars.iter().copied()).stderr(Stdio::inherit()).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let told = said.lines().find_map(|line| line.split_once("came to ")).map(|(_, told)| told.to_owned());
    told.unwrap_or_else(|| panic!("{said}"))
}

#[tokio::test]
async fn a_ca_and_a_proxy_of_the_environment_are_used() {
    if let Ok(url) = std::env::var(ADDRESS) {
        println!("came to {}", client(url).await);
        return;
    }
    let kit = Testkit::with_tls().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, kit.ca().unwrap()).unwrap();
    let ca = ("SSL_CERT_FILE", ca.to_str().unwrap());
    // Text that reads as a certificate, and is none.
    let spoilt = folder.path().join("spoilt.pem");
    std::fs::write(&spoilt, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let spoilt = ("SSL_CERT_FILE", spoilt.to_str().unwrap());

    let direct = kit.tls_url().unwrap();
    assert_eq!(come_to(&direct, &[]).await, "certificate_refused");
    assert_eq!(come_to(&direct, &[("SSL_CERT_FILE", "/nowhere")]).await, "certificate_refused");
    assert_eq!(come_to(&direct, &[spoilt]).await, "certificate_refused");
    assert_eq!(come_to(kit.url(), &[spoilt]).await, "completed", "over plain http no certificate is needed");
    assert_eq!(come_to(&direct, &[ca]).await, "completed");
    assert_eq!(kit.counts().proxied, 0);

    let (https, http) = (kit.proxied_url(), "http://service.invalid");
    assert_eq!(come_to(&https, &[ca]).await, "connection_failed");
    assert_eq!(come_to(&https, &[ca, ("HTTPS_PROXY", kit.url())]).await, "completed");
    assert_eq!(come_to(http, &[("HTTP_PROXY", kit.url())]).await, "completed");
    let proxied = kit.counts().proxied;
    assert!(proxied >= 2, "{proxied}");
    for (url, name) in [(https.as_str(), "HTTPS_PROXY"), (http, "HTTP_PROXY")] {
        let vars = [ca, (name, kit.url()), ("NO_PROXY", "service.invalid")];
        assert_eq!(come_to(url, &vars).await, "connection_failed", "{name}");
    }
    assert_eq!(kit.counts().proxied, proxied);
}
