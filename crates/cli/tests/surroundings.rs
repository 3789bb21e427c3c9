//! What OpenCode is started with: of the operator's environment only what was promised.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod common;

use common::turnwire;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);

/// What `serve` starts OpenCode with.
struct Started {
    /// Its environment, which other processes of its user can read: a variable a line.
    environment: Vec<String>,
    /// Variables that reach it by its input, and that no environment shows.
    handed: BTreeMap<String, String>,
}

fn start_of_opencode(args: &[&str]) -> Started {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    // As the preload does: it reads what is handed over, and answers. Only the first start counts.
    let script = r#"#!/bin/sh
        [ -e "$0.env" ] && exec sleep 60
        cat > "$0.handed"
        printf + >&0
        env > "$0.part"
        mv "$0.part" "$0.env"
        echo listening on http://127.0.0.1:9
        exec sleep 60
    "#;
    std::fs::write(at("opencode"), script).unwrap();
    std::fs::set_permissions(at("opencode"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(at("config.json"), "{}").unwrap();
    let mut command = turnwire(home.path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(at("data")).arg("--opencode").arg(at("opencode"));
    command.args(args).current_dir(home.path());
    for name in [
        "OPENCODE_CONFIG",
        "OPENCODE_CONFIG_DIR",
        "OPENCODE_CONFIG_CONTENT",
        "OPENCODE_PERMISSION",
        "OPENCODE_PURE",
        "OPENCODE_DISABLE_PROJECT_CONFIG",
        "OPENAI_API_KEY",
        "XAI_API_KEY",
        "CASEDEV_API_KEY",
        "TURNWIRE_API_KEY",
        "NODE_OPTIONS",
        "SOMETHING",
    ] {
        command.env(name, format!("the-operators-{}", name.to_lowercase()));
    }
    let mut server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !at("opencode.env").exists() {
        assert!(began.elapsed() < LONG, "OpenCode is not started");
        std::thread::yield_now();
    }
    assert!(std::process::Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    server.wait().unwrap();
    let environment = std::fs::read_to_string(at("opencode.env")).unwrap();
    let handed = std::fs::read(at("opencode.handed")).unwrap();
    Started {
        environment: environment.lines().map(str::to_owned).collect(),
        handed: serde_json::from_slice(&handed).unwrap(),
    }
}

/// The names of the operator's variables among these.
fn theirs<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<&'a str> {
    let theirs = variables.filter(|(_, value)| value.starts_with("the-operators-"));
    let mut theirs: Vec<_> = theirs.map(|(name, _)| name).collect();
    theirs.sort_unstable();
    theirs
}

impl Started {
    fn shown(&self) -> Vec<&str> {
        theirs(self.environment.iter().filter_map(|line| line.split_once('=')))
    }

    fn handed(&self) -> Vec<&str> {
        theirs(self.handed.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    fn has(&self, variable: &str) -> bool {
        self.environment.iter().any(|line| line.starts_with(variable))
    }
}

#[test]
fn opencode_gets_nothing_of_the_operators_that_was_not_promised() {
    let own = start_of_opencode(&["--opencode-config", "config.json"]);
    assert_eq!(own.shown(), [""; 0], "no environment shows a secret");
    assert_eq!(own.handed(), ["OPENAI_API_KEY", "XAI_API_KEY"], "keys of providers are on the list");
    assert!(own.has("OPENCODE_DISABLE_PROJECT_CONFIG=1"));
    let home = own.environment.iter().find(|line| line.starts_with("HOME=")).unwrap();
    assert!(home.ends_with("data/opencode/home"), "{home}");

    let practice = start_of_opencode(&["--practice-model"]);
    assert_eq!((practice.shown(), practice.handed()), (vec![], vec![]), "nothing at all");

    let users = start_of_opencode(&[]);
    assert_eq!(
        (users.shown(), users.handed()),
        (vec![], vec!["OPENAI_API_KEY", "XAI_API_KEY"]),
        "the user's configuration, and no more"
    );
}

#[test]
fn what_the_operator_names_is_handed_on() {
    let named = "SOMETHING, XAI_API_KEY, OPENCODE_CONFIG_CONTENT,OPENCODE_PURE";
    let named = start_of_opencode(&["--opencode-config", "config.json", "--pass-env", named]);
    assert_eq!(named.shown(), ["SOMETHING", "XAI_API_KEY"], "the agent's shells are meant to have them");
    assert_eq!(named.handed(), ["OPENAI_API_KEY"], "what the server itself sets stays");
    assert!(named.handed["OPENCODE_CONFIG_CONTENT"].contains("external_directory"));

    let allowed = start_of_opencode(&["--opencode-config", "config.json", "--project-config"]);
    assert!(!allowed.has("OPENCODE_DISABLE_PROJECT_CONFIG="), "{:?}", allowed.environment);
}
