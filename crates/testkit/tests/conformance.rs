//! `turnwire-testkit conformance`, as its users run it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use turnwire_testkit::conformance::{Client, FEATURES, Options, SERVER_FEATURES, cases, checks, run, run_server};
use turnwire_testkit::{Fault, Testkit};

const TESTKIT: &str = env!("CARGO_BIN_EXE_turnwire-testkit");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn conformance(args: &[&str]) -> Output {
    Command::new(TESTKIT).arg("conformance").args(args).current_dir(root()).output().unwrap()
}

/// What it says, and whether the client passes.
fn judged(client: &str, more: &[&str]) -> (String, Option<i32>) {
    let output = conformance(&[&["--client", client], more].concat());
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (said, output.status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_client_passes_every_case_over_lines_too() {
    let all = cases(&root().join("tests/conformance")).unwrap();
    let count = all.len();
    assert!(count > 400, "only {count} cases were found");
    let client = Client::Command(format!("{TESTKIT} adapter"));
    let report = run(&client, all, &Options::default()).await.unwrap();
    assert_eq!((report.passed().len(), report.failed().len()), (count, 0), "{report}");
}

/// Written from `spec/PROTOCOL.md` alone: what a stranger can make of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_go_client_passes_every_case_that_it_can_be_judged_by() {
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    std::fs::create_dir_all(&programs).unwrap();
    let mut go = Command::new("go");
    go.current_dir(root().join("examples/go")).args(["build", "-o"]).arg(&programs).arg("./...");
    let built = match go.output() {
        Ok(built) => built,
        Err(why) => {
            // Past the harness, which keeps what a test that passes prints.
            writeln!(std::io::stderr(), "SKIPPED: the client in Go, as there is no Go: {why}").unwrap();
            return;
        }
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let adapter = programs.join(format!("adapter{}", std::env::consts::EXE_SUFFIX));
    let client = Client::Command(adapter.display().to_string());
    let report = run(&client, cases(&root().join("tests/conformance")).unwrap(), &Options::default()).await.unwrap();
    assert!(report.failed().is_empty() && report.passed().len() > 160, "{report}");
    let passed = report.passed();
    for case in ["http/cut-inside-a-frame", "turns/a-turn-is-resumed-elsewhere", "turns/a-turn-is-cancelled"] {
        assert!(passed.contains(&case), "{case}: {report}");
    }
}

#[test]
fn every_case_needs_features_that_there_are_and_every_feature_is_documented() {
    let page = std::fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let known: BTreeSet<&str> = FEATURES.iter().map(|(name, _)| *name).collect();
    for (name, says) in FEATURES.iter().chain(SERVER_FEATURES) {
        assert!(page.contains(&format!("| `{name}` | {says} |")), "docs/conformance.md does not explain {name}");
    }
    for case in cases(&root().join("tests/conformance")).unwrap() {
        let unknown: Vec<_> = case.about.needs.iter().filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", case.about.name);
    }
    for about in checks().into_iter().map(|check| check.about) {
        let has = page.contains(&format!("| `{}` | {} | {} |", about.name, about.says, about.rules.join(", ")));
        assert!(has, "docs/conformance.md does not list the check {}", about.name);
    }
}

/// A client that says this and answers every request with these lines.
fn fixed(folder: &Path, features: &str, lines: &[&str]) -> String {
    let answers: String = lines.iter().flat_map(|line| ["echo '", line, "'; "]).collect();
    let script = folder.join("client.sh");
    let hello = format!(r#"{{"client":"fixed","features":[{features}]}}"#);
    std::fs::write(&script, format!("echo '{hello}'\nwhile read -r line; do {answers} done\n")).unwrap();
    format!("sh {}", script.display())
}

#[cfg(unix)]
#[test]
fn a_client_that_is_wrong_fails_and_one_that_can_little_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let turn = r#"{"result":{"id":"turn_1","status":"completed","ended":true,"text":"one twö three four five"}}"#;
    // It makes a turn up, without a request.
    let (said, code) = judged(&fixed(folder.path(), r#""respond""#, &[turn]), &["--only", "http/a-healthy-turn"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAILED http/a-healthy-turn: Nothing goes wrong (STREAM-1, FOLD-5)"), "{said}");
    assert!(said.contains("the number of turns should be Some(1), is Some(0)"), "{said}");
    // What it cannot do is not held against it.
    let (said, code) = judged(&fixed(folder.path(), r#""create""#, &[turn]), &["--only", "http/a-healthy-turn"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("skipped for want of: respond (1)\n0 passed, 0 failed, 1 skipped"), "{said}");
    // A key in an answer, no line of an answer, a feature nobody knows.
    let (said, code) =
        judged(&fixed(folder.path(), r#""respond""#, &[r#"{"notice":"sk_testkit_secret"}"#]), &["--only", "a-healthy"]);
    assert!(code == Some(1) && said.contains("it shows the key"), "{said}");
    let (said, code) = judged(&fixed(folder.path(), r#""respond""#, &["hello"]), &["--only", "a-healthy"]);
    assert!(code == Some(1) && said.contains("no line of an answer"), "{said}");
    let (said, code) = judged(&fixed(folder.path(), r#""fly""#, &[turn]), &["--only", "a-healthy"]);
    assert!(code == Some(2) && said.contains(r#"there is no feature "fly""#), "{said}");
    let (said, code) = judged("exit 1", &["--only", "a-healthy"]);
    assert!(code == Some(2) && said.contains("it ended before it said its features"), "{said}");
}

/// What the check of a turn's events says of a service with this fault.
async fn checked(check: &str, faults: Vec<Fault>) -> String {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let mut chosen = checks();
    chosen.retain(|case| case.about.name == check);
    let options = Options { time: Duration::from_secs(20), ..Options::default() };
    let features = ["agent".to_owned()];
    run_server(kit.url(), "sk_testkit_secret", &features, chosen, &options).await.unwrap().to_string()
}

#[tokio::test]
async fn a_server_that_breaks_a_rule_fails_with_that_rule() {
    let fault = |on: &str| Fault { on: on.to_owned(), nth: vec![0], ..Fault::default() };
    let buffers = [("x-accel-buffering".to_owned(), "no".to_owned())];
    let cursor = [("turnwire-cursor".to_owned(), "0".to_owned())];
    let headers: BTreeMap<String, String> = buffers.into_iter().chain(cursor).collect();
    let respond = || Fault { headers: headers.clone(), ..fault("respond") };
    let said = checked("events", vec![respond()]).await;
    assert_eq!(said, "1 passed, 0 failed, 0 skipped");
    for (broken, rule) in [
        (Fault { omit: Some(4), ..respond() }, "STREAM-1"),
        (Fault { swap: Some(4), ..respond() }, "STREAM-1"),
        (Fault { twice: true, ..respond() }, "STREAM-1"),
        (Fault { end_events: Some(5), ..respond() }, "STREAM-1"),
        (Fault { whole_parts: true, ..respond() }, "STREAM-1"),
        (Fault { pings: true, ..respond() }, "FRAME-2"),
        (Fault { bare: true, ..respond() }, "FRAME-1"),
        (Fault { foreign: true, ..respond() }, "VER-1"),
        (fault("respond"), "FRAME-1"),
    ] {
        let said = checked("events", vec![broken.clone()]).await;
        let failed = said.ends_with("0 passed, 1 failed, 0 skipped") && said.contains(&format!("(PROTOCOL {rule})"));
        assert!(failed, "{broken:?} should break {rule}: {said}");
    }
    // Without that agent nothing is judged, nor with a feature that nobody knows.
    let output = conformance(&["--server", "http://127.0.0.1:1", "--key", "k", "--only", "events"]);
    assert!(output.status.success() && output.stdout.ends_with(b"0 passed, 0 failed, 1 skipped\n"));
    let output = conformance(&["--server", "http://127.0.0.1:1", "--key", "k", "--features", "wings"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_list_names_cases_what_they_need_and_their_rules() {
    let output = conformance(&["--list", "--only", "http/through-a-socks-proxy", "--only", "turns/a-caller-leaves"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(said.contains("turns/a-caller-leaves: The caller leaves the stream in the middle of the turn [respond leave] CLOCK-5 SEND-4\n"), "{said}");
    assert!(said.contains("[respond proxy socks]"), "{said}");
    assert!(!said.contains("http/a-healthy-turn"), "{said}");
    assert_eq!(conformance(&["--only", "nothing like it", "--client", "exit"]).status.code(), Some(2));
}
