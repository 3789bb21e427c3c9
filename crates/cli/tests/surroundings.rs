//! What OpenCode is started with: of the operator's environment only what was promised.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod common;

use common::turnwire;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);

/// The environment in which `serve` starts OpenCode, a variable a line.
fn environment_of_opencode(args: &[&str]) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let script = "#!/bin/sh\nenv > \"$0.part\"\nmv \"$0.part\" \"$0.env\"\necho listening on http://127.0.0.1:9\nexec sleep 60\n";
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
    std::fs::read_to_string(at("opencode.env")).unwrap().lines().map(str::to_owned).collect()
}

fn theirs(environment: &[String]) -> Vec<&str> {
    let theirs = environment.iter().filter_map(|line| line.split_once("=the-operators-"));
    let mut theirs: Vec<_> = theirs.map(|(name, _)| name).collect();
    theirs.sort_unstable();
    theirs
}

#[test]
fn opencode_gets_nothing_of_the_operators_that_was_not_promised() {
    let own = environment_of_opencode(&["--opencode-config", "config.json"]);
    assert_eq!(theirs(&own), ["OPENAI_API_KEY"], "a provider's key is on the list");
    assert!(own.iter().any(|line| line == "OPENCODE_DISABLE_PROJECT_CONFIG=1"));
    assert!(own.iter().any(|line| line.starts_with("HOME=") && line.ends_with("data/opencode/home")), "{own:?}");
    assert_eq!(theirs(&environment_of_opencode(&["--practice-model"])), [""; 0], "nothing at all");
    // Where the operator's own configuration is used, too.
    assert_eq!(theirs(&environment_of_opencode(&[])), ["OPENAI_API_KEY"]);
}

#[test]
fn what_the_operator_names_is_handed_on() {
    let named = ["--opencode-config", "config.json", "--pass-env", "SOMETHING, OPENCODE_CONFIG_CONTENT,OPENCODE_PURE"];
    let named = environment_of_opencode(&named);
    assert_eq!(theirs(&named), ["OPENAI_API_KEY", "SOMETHING"], "what the server itself sets stays");
    let allowed = environment_of_opencode(&["--opencode-config", "config.json", "--project-config"]);
    assert!(!allowed.iter().any(|line| line.starts_with("OPENCODE_DISABLE_PROJECT_CONFIG=")), "{allowed:?}");
}
