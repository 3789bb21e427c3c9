//! Settings of the server: by option, by the environment, by a file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, err, out, run, turnwire};
use std::path::PathBuf;

fn file(home: &tempfile::TempDir, text: &str) -> PathBuf {
    let file = home.path().join("serve.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// What the address of a stream token begins with says which `public-url` holds.
fn public_url(file: &str, environment: &[(&str, &str)], args: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let file = self::file(&home, file);
    let args = [&["--config", file.to_str().unwrap()], args].concat();
    let server = Server::start_with(home, &args, environment);
    let chat = server.chat("Hello.");
    let token = run(&mut server.client(&["token", &chat, "--json"]), "");
    let token: serde_json::Value = serde_json::from_str(&out(&token)).unwrap();
    let url = token["streamUrl"].as_str().unwrap();
    url[..url.find("/agent/").unwrap()].to_owned()
}

#[test]
fn an_option_wins_over_the_environment_and_that_over_the_file() {
    let settings =
        "listen = '127.0.0.1:0'\nruntime = 'practice'\npublic-url = 'https://file.example'\nturn-steps = 50\n";
    let environment = [("TURNWIRE_PUBLIC_URL", "https://environment.example")];
    assert_eq!(public_url(settings, &[], &[]), "https://file.example");
    assert_eq!(public_url(settings, &environment, &[]), "https://environment.example");
    let option = ["--public-url", "https://option.example"];
    assert_eq!(public_url(settings, &environment, &option), "https://option.example");
}

#[test]
fn a_file_that_cannot_be_taken_is_refused_with_its_name_and_a_reason() {
    for (text, reason) in [
        ("runtime = 'practice'\napi-key = \"never-to-be-seen\n", "line 2: "),
        ("api-key = never-to-be-seen", "line 1: "),
        ("keep_turns = '7days'", "there is no setting `keep_turns`"),
        ("config = 'other.toml'", "there is no setting `config`"),
        ("turn-time = 'soon'", "--turn-time"),
        ("turn-steps = 0", "--turn-steps"),
        ("runtime = 'cloud'", "--runtime"),
        ("isolate = 'perhaps'", "--isolate"),
        ("upload-bytes = [1]", "`upload-bytes` must be one value"),
        ("[limits]\nturn-steps = 1", "`limits`"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let file = file(&home, text);
        let called = run(turnwire(home.path()).args(["serve", "--config"]).arg(&file), "");
        assert_eq!(called.status.code(), Some(2), "{text}: {}", err(&called));
        let said = err(&called);
        assert!(!said.contains("never-to-be-seen"), "{said}");
        assert!(
            said.starts_with("turnwire: ") && said.contains("serve.toml") && said.contains(reason),
            "{text}: {said}"
        );
    }
    let home = tempfile::tempdir().unwrap();
    let missing = run(turnwire(home.path()).args(["serve", "--config", "nothing.toml"]), "");
    assert_eq!(missing.status.code(), Some(2));
    assert!(err(&missing).contains("cannot read the settings in nothing.toml"), "{}", err(&missing));
}

#[test]
fn what_belongs_together_is_asked_for_together() {
    let home = tempfile::tempdir().unwrap();
    let half = run(turnwire(home.path()).args(["serve", "--runtime", "practice", "--tls-cert", "cert.pem"]), "");
    assert_eq!(half.status.code(), Some(1));
    assert!(err(&half).contains("--tls-key"), "{}", err(&half));

    let config = home.path().join("opencode.json");
    std::fs::write(&config, "[]").unwrap();
    let list = run(turnwire(home.path()).args(["serve", "--opencode-config"]).arg(&config), "");
    assert_eq!(list.status.code(), Some(1));
    assert!(err(&list).contains("opencode.json: must be a JSON object"), "{}", err(&list));
}

#[test]
fn the_log_can_be_json_and_holds_no_key() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--runtime", "practice", "--listen", "127.0.0.1:0", "--log", "info", "--log-format", "json"];
    let server = Server::start_with(home, &args, &[("TURNWIRE_API_KEY", "key-never-to-be-seen")]);
    let mut send = server.client(&["send", "new", "Hello."]);
    assert!(run(send.env("TURNWIRE_API_KEY", "key-never-to-be-seen"), "").status.success());
    let (_, said, _) = server.stop("TERM");
    let logged: Vec<serde_json::Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(logged.iter().any(|line| line["fields"]["path"] == "/agent/v2/chat"), "{said}");
    assert!(!said.contains("never-to-be-seen"), "{said}");
}
