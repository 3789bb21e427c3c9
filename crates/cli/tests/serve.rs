//! The server as a user starts and stops it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, err, out, run, turnwire};
use std::time::Duration;

#[cfg(unix)]
#[test]
fn the_key_is_made_once_kept_private_and_found_by_clients() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let file = server.home.path().join(".local/share/turnwire/api-key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    server.chat("Hello.");

    let (code, said, home) = server.stop("TERM");
    assert_eq!(code, Some(143));
    assert_eq!(said.matches(&key).count(), 1, "{said}");

    let server = Server::start_in(home);
    let listed = run(&mut server.client(&["chats"]), "");
    assert_eq!(out(&listed).lines().count(), 1, "{}", err(&listed));
    let wrong = run(server.client(&["chats"]).env("TURNWIRE_API_KEY", "wrong"), "");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!err(&wrong).contains("wrong"), "a key is never shown: {}", err(&wrong));
    let (code, said, _) = server.stop("INT");
    assert_eq!(code, Some(130));
    assert!(!said.contains(&key), "{said}");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let server = Server::start();
    let address = server.url.strip_prefix("http://").unwrap();
    let home = tempfile::tempdir().unwrap();
    let taken = run(turnwire(home.path()).args(["serve", "--runtime", "practice", "--listen", address]), "");
    assert_eq!(taken.status.code(), Some(1));
    assert!(err(&taken).contains(&format!("cannot listen on {address}")), "{}", err(&taken));

    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut command = turnwire(home.path());
    let no_folder =
        run(command.args(["serve", "--runtime", "practice", "--listen", "127.0.0.1:0", "--data"]).arg(&file), "");
    assert_eq!(no_folder.status.code(), Some(1));
    assert!(err(&no_folder).starts_with("turnwire: "), "{}", err(&no_folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_library_it_ends_when_its_future_does() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let key = folder.path().join("api-key");
    let cancel = async move {
        // The key is there before the server is; either way it must end.
        while !key.exists() {
            tokio::task::yield_now().await;
        }
    };
    let args = ["turnwire", "serve", "--runtime", "practice", "--listen", "127.0.0.1:0", "--data", &data];
    let code = tokio::time::timeout(Duration::from_secs(60), turnwire_cli::run(args, cancel)).await;
    assert_eq!(code.expect("it goes on"), 130);
    assert_eq!(turnwire_cli::run(["turnwire", "nonsense"], std::future::pending()).await, 2);
}

#[test]
fn the_demo_runs_a_real_opencode() {
    let Some(opencode) = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty()) else {
        eprintln!("SKIPPED: set TURNWIRE_OPENCODE to an opencode program to run this test");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let mut command = turnwire(home.path());
    let shown = run(command.args(["demo", "--runtime", "local", "--opencode"]).arg(opencode), "");
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    assert!(err(&shown).contains("OpenCode with a scripted model"), "{}", err(&shown));
    assert!(out(&shown).contains("I wrote hello.txt. It says: Hello from Turnwire."), "{}", out(&shown));
}

#[test]
fn a_demo_that_is_asked_something_answers_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let shown = run(turnwire(home.path()).args(["demo", "--runtime", "practice", "--prompt", "/ask"]), "");
    assert!(out(&shown).contains("You answered: yes."), "{}{}", out(&shown), err(&shown));
    assert!(shown.status.success());
}

#[cfg(unix)]
#[test]
fn nothing_of_the_data_folder_can_be_read_by_others_even_where_the_folder_was_there_before() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share/turnwire");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start_in(home);
    server.chat("Hello.");
    let entries: Vec<_> = std::fs::read_dir(&data).unwrap().map(Result::unwrap).collect();
    assert!(entries.iter().any(|entry| entry.file_name() == "turnwire.sqlite"));
    for entry in entries {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", entry.path().display());
    }
}

#[test]
fn a_demo_without_the_opencode_it_was_told_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let shown = run(turnwire(home.path()).args(["demo", "--opencode", "/nowhere/opencode"]), "");
    assert_eq!(shown.status.code(), Some(1));
    assert!(err(&shown).contains("npm install -g opencode-ai"), "{}", err(&shown));
}

#[test]
fn the_demo_shows_a_whole_turn_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let shown = run(turnwire(home.path()).args(["demo", "--runtime", "practice"]).env("TMPDIR", home.path()), "");
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    let shown = out(&shown);
    assert!(shown.contains("turn.started") && shown.contains("I wrote hello.txt."), "{shown}");
    let last: Vec<_> = shown.lines().last().unwrap().split_whitespace().collect();
    assert!(matches!(last[..], ["rust", "turn.completed", _, "events", _, "s"]), "{last:?}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
