//! The hosted service's own client and a browser's `EventSource` against this server. Each is installed once, below `target`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{KEY, Service};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

const INSTALL: Duration = Duration::from_secs(180);
const RUN: Duration = Duration::from_secs(120);

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/live").join(name)
}

async fn run(command: &mut Command, time: Duration) -> Result<Output, String> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ended = tokio::time::timeout(time, command.output()).await.map_err(|_| format!("took over {time:?}"))?;
    ended.map_err(|error| error.to_string())
}

/// `false`, and a line that says why, where it cannot be installed.
async fn installed(what: &str, commands: &mut [Command]) -> bool {
    for command in commands {
        let why = match run(command, INSTALL).await {
            Ok(output) if output.status.success() => continue,
            Ok(output) => {
                String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it said nothing").to_owned()
            }
            Err(why) => why,
        };
        common::skipped(&format!("{what} cannot be installed: {why}"));
        return false;
    }
    true
}

async fn says_ok(service: &Service, program: &mut Command, script: &Path) {
    let output = run(program.arg(script).arg(&service.url).arg(KEY), RUN).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim() == "ok", "{out}\n{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hosted_services_python_client_works_here() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("official-python");
    let python = folder.join("bin/python");
    if !folder.join("whole").exists() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "casedev==0.55.0"]);
        if !installed("casedev 0.55.0 (PyPI)", &mut [make, install]).await {
            return;
        }
        std::fs::write(folder.join("whole"), "").unwrap();
    }
    let service = Service::start().await;
    says_ok(&service, &mut Command::new(&python), &script("official_python.py")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_reads_on_after_a_cut() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("official-node");
    if !folder.join("whole").exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg("eventsource@4");
        if !installed("eventsource 4 (npm)", &mut [install]).await {
            return;
        }
        std::fs::write(folder.join("whole"), "").unwrap();
    }
    let service = Service::start().await;
    says_ok(&service, Command::new("node").current_dir(&folder), &script("eventsource.mjs")).await;
}
