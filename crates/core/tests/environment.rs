//! What the environment decides about connections. Each case is a process of its own, for a process has one environment:
//! this very program, told by a variable to be the client.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Stdio;
use turnwire::Client;
use turnwire_testkit::Testkit;

const ADDRESS: &str = "TURNWIRE_TEST_ADDRESS";
const OPEN_FILES: &str = "TURNWIRE_TEST_OPEN_FILES";

/// The client: one turn, and what came of it.
async fn client(url: String) -> String {
    let client = Client::builder().base_url(url).api_key("sk_test").backoff_scale(0.0).ca_variables(&["OTHER_CA"]);
    let client = match client.build() {
        Ok(client) => client,
        Err(error) => return format!("{}: {error}", error.code()),
    };
    if let Ok(files) = std::env::var(OPEN_FILES) {
        return without_files(&client, files.parse().unwrap()).await;
    }
    match client.chat().send_message("chat_testkit", "one").await {
        Ok(turn) => turn.status.to_string(),
        Err(error) => error.code().to_owned(),
    }
}

/// What a request comes to in a process that can open no more files.
async fn without_files(client: &Client, most: usize) -> String {
    let mut open = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        open.push(file);
        assert!(open.len() <= most, "the limit is one");
    }
    let error = client.chat().respond("chat_testkit", "one").await.unwrap_err();
    drop(open);
    let then = client.chat().send_message("chat_testkit", "one").await.unwrap().status;
    format!("{} {} {}, then {then}", error.code(), error.kind().class(), error.is_retryable())
}

/// What a client in an environment with these variables comes to.
async fn come_to(url: &str, vars: &[(&str, &str)]) -> String {
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    if let Some((_, most)) = vars.iter().find(|(name, _)| *name == OPEN_FILES) {
        child = tokio::process::Command::new("sh");
        child.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    }
    child.args(["--exact", "a_ca_and_a_proxy_of_the_environment_are_used", "--nocapture"]);
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "OTHER_CA"] {
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

    // The variable of a language, and a folder.
    assert_eq!(come_to(&direct, &[("OTHER_CA", ca.1)]).await, "completed");
    assert_eq!(come_to(&direct, &[("OTHER_CA", folder.path().to_str().unwrap())]).await, "completed");
    assert_eq!(come_to(&direct, &[spoilt, ("OTHER_CA", "/nowhere")]).await, "certificate_refused");

    loopback_is_reached_directly(&kit).await;
    assert_eq!(kit.counts().proxied, proxied);
    a_variable_that_names_no_proxy(&kit).await;
    if cfg!(unix) {
        let came = come_to(kit.url(), &[(OPEN_FILES, "64")]).await;
        assert_eq!(came, "too_many_open_files APIConnectionError true, then completed");
        // Where no file can be opened, no name is found either.
        let localhost = kit.url().replace("127.0.0.1", "localhost");
        assert_eq!(come_to(&localhost, &[(OPEN_FILES, "64")]).await, came);
    }
}

/// The local server's key stays on this machine, whatever proxy is set.
async fn loopback_is_reached_directly(kit: &Testkit) {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        assert_eq!(come_to(kit.url(), &[(name, kit.url())]).await, "completed", "{name}");
        let localhost = kit.url().replace("127.0.0.1", "localhost");
        assert_eq!(come_to(&localhost, &[(name, "http://127.0.0.1:1")]).await, "completed", "{name}");
    }
    for no_proxy in [".invalid", "*.invalid", "SERVICE.invalid.", "other, service.invalid:80", "*"] {
        let vars = [("HTTP_PROXY", kit.url()), ("no_proxy", no_proxy)];
        assert_eq!(come_to("http://service.invalid", &vars).await, "connection_failed", "{no_proxy}");
    }
}

/// Nothing is sent past the proxy that somebody meant.
async fn a_variable_that_names_no_proxy(kit: &Testkit) {
    let far = "http://service.invalid";
    let refused = come_to(far, &[("HTTP_PROXY", "gopher://user:secret@host")]).await;
    assert!(refused.starts_with("invalid_argument: HTTP_PROXY ") && !refused.contains("secret"), "{refused}");
    assert_eq!(
        come_to(kit.url(), &[("HTTP_PROXY", "gopher://host")]).await,
        "completed",
        "it does not concern loopback"
    );
    assert_eq!(come_to(far, &[("HTTP_PROXY", "http://127.0.0.1:1")]).await, "proxy_unreachable");
    assert_eq!(come_to(far, &[("http_proxy", ""), ("HTTP_PROXY", kit.url())]).await, "completed", "empty is absent");
    let socks = kit.url().replace("http:", "socks5h:");
    assert_eq!(come_to(far, &[("ALL_PROXY", &socks)]).await, "completed");
}
