//! Settings of the server: by option, by the environment, by a file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, err, out, run, turnwire};
use std::io::{Read as _, Write as _};
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

/// PROTOCOL AUTH-4, TOKEN-4.
#[test]
fn the_log_can_be_json_and_holds_no_key_and_no_token() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--runtime", "practice", "--listen", "127.0.0.1:0", "--log", "info", "--log-format", "json"];
    let server = Server::start_with(home, &args, &[("TURNWIRE_API_KEY", "key-never-to-be-seen")]);
    let mut send = server.client(&["send", "new", "Hello."]);
    assert!(run(send.env("TURNWIRE_API_KEY", "key-never-to-be-seen"), "").status.success());
    let mut socket = std::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let address = "/agent/v2/chat/chat_1/stream?token=token-never-to-be-seen";
    write!(socket, "GET {address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    socket.read_to_end(&mut Vec::new()).unwrap();
    let (_, said, _) = server.stop("TERM");
    let logged: Vec<serde_json::Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for path in ["/agent/v2/chat", "/agent/v2/chat/chat_1/stream"] {
        assert!(logged.iter().any(|line| line["fields"]["path"] == path), "{path}: {said}");
    }
    assert!(!said.contains("never-to-be-seen"), "{said}");
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_absent_for_every_option() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let words = page.split('`').filter(|word| word.starts_with("TURNWIRE_") || word.starts_with("OTEL_"));
    let variables: std::collections::BTreeSet<_> = words.collect();
    assert!(variables.len() > 25, "{variables:?}");
    for nothing in ["", " "] {
        let environment: Vec<_> = variables.iter().map(|name| (*name, nothing)).collect();
        let home = tempfile::tempdir().unwrap();
        // What the defaults would do here (a port others use, an OpenCode) stands in a file: that is no option of the command line.
        let file = file(&home, "listen = '127.0.0.1:0'\nruntime = 'practice'\n");
        let server = Server::start_with(home, &["--config", file.to_str().unwrap()], &environment);
        assert!(server.home.path().join(".local/share/turnwire/api-key").is_file(), "its data is where it belongs");
        let mut keys = server.client(&["keys", "list"]);
        assert!(run(keys.env("TURNWIRE_DATA", nothing), "").status.success());
        let mut chats = server.client(&["chats"]);
        chats.env("TURNWIRE_API_KEY", nothing).env("TURNWIRE_DATA", nothing).env("CASEDEV_API_KEY", nothing);
        let chats = run(&mut chats, "");
        assert!(chats.status.success(), "{}", err(&chats));
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_a_key_that_others_may_read_is_refused_in_a_sentence() {
    use std::os::unix::fs::PermissionsExt as _;
    let open_to = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let start = ["serve", "--runtime", "practice", "--listen", "127.0.0.1:0"];
    let refused = |home: &tempfile::TempDir, more: &[&str], code: i32, blamed: &str| {
        let called = run(turnwire(home.path()).args(start).args(more), "");
        let said = err(&called);
        assert_eq!(called.status.code(), Some(code), "{said}");
        assert!(said.contains(blamed) && said.contains("chmod 600") && !said.contains("never-to-be-seen"), "{said}");
    };
    // The one the server made.
    let (_, _, home) = Server::start().stop("TERM");
    let stored = home.path().join(".local/share/turnwire/api-key");
    open_to(&stored, 0o640);
    refused(&home, &[], 1, "api-key");
    open_to(&stored, 0o600);
    // One that is named.
    let named = home.path().join("key");
    common::private(&named, "key-never-to-be-seen\n");
    open_to(&named, 0o604);
    let named = named.to_str().unwrap();
    refused(&home, &["--api-key-file", named], 1, "key");
    // OpenCode's, where a provider's key is among them, and not where it is only named.
    let opencode = home.path().join("opencode.json");
    let with = |key: &str| {
        std::fs::write(&opencode, format!(r#"{{"provider":{{"p":{{"options":{{"apiKey":"{key}"}}}}}}}}"#)).unwrap();
        open_to(&opencode, 0o644);
    };
    with("sk-never-to-be-seen");
    let local = ["--runtime", "local", "--opencode-config", opencode.to_str().unwrap()];
    let said = err(&run(turnwire(home.path()).args(["serve", "--listen", "127.0.0.1:0"]).args(local), ""));
    assert!(said.contains("opencode.json") && said.contains("chmod 600") && !said.contains("never-to-be"), "{said}");
    with("{env:SOME_KEY}");
    let taken = ["serve", "--listen", "203.0.113.1:1"];
    let said = err(&run(turnwire(home.path()).args(taken).args(local), ""));
    assert!(said.contains("cannot listen") && !said.contains("chmod"), "{said}");
    // Settings, where a key is among them.
    let settings = file(&home, "api-key = 'key-never-to-be-seen'");
    open_to(&settings, 0o644);
    refused(&home, &["--config", settings.to_str().unwrap()], 2, "serve.toml");
    let harmless = file(&home, "turn-steps = 7");
    open_to(std::path::Path::new(named), 0o600);
    let args = ["--runtime", "practice", "--listen", "127.0.0.1:0", "--api-key-file", named, "--config"];
    let server = Server::start_with(home, &[args.as_slice(), &[harmless.to_str().unwrap()]].concat(), &[]);
    let mut chats = server.client(&["chats"]);
    assert!(run(chats.env("TURNWIRE_API_KEY", "key-never-to-be-seen"), "").status.success());
}
