//! Schemathesis makes requests out of the contract, fitting ones and others, alone and one after the other, and judges every answer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::tools::{python, run, script};
use common::{KEY, Service};
use std::time::Duration;
use tokio::process::Command;

/// These are read as streams, which it cannot do; the other tests read them, and hold each frame against the contract.
const STREAMS: [&str; 3] = ["respond", "stream", "turnStream"];
/// Half a minute is usual.
const RUN: Duration = Duration::from_secs(150);

/// A chat in which a question waits.
async fn asked(service: &Service) -> (String, String) {
    let chat = service.chat().await;
    let mut turn = service.respond(&chat, "/ask").await;
    let frames = turn.until(|frame| frame.data.contains("\"requests\":[{")).await;
    let request = frames.last().unwrap().json()["requests"][0]["requestId"].as_str().unwrap().to_owned();
    (chat, request)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_gets_an_answer_that_the_contract_does_not_have() {
    let Some(programs) = python("schemathesis", "schemathesis==4.32.5").await else { return };
    let service = Service::start().await;
    let chat = service.chat().await;
    let turn = service.turn(&chat, "/tool").await["id"].as_str().unwrap().to_owned();
    let ((answered, question), (rejected, refused)) = (asked(&service).await, asked(&service).await);

    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(programs.join("schemathesis"));
    program.current_dir(folder.path()).arg("--config-file").arg(script("schemathesis.toml"));
    program.args(["run", &format!("{}/openapi.json", service.url), "--continue-on-failure"]);
    program.args(["--seed", "1", "--max-examples", "40", "--generation-database", "none", "--no-color"]);
    for stream in STREAMS {
        program.args(["--exclude-operation-id", stream]);
    }
    program.env("KEY", KEY).env("CHAT", chat).env("TURN", turn);
    program.env("ANSWERED", answered).env("QUESTION", question).env("REJECTED", rejected).env("REFUSED", refused);
    let output = run(&mut program, RUN).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // A run that tested nothing would end well too. The page it reads the contract from it leaves out.
    let operations = common::spec::spec().operations().count() - STREAMS.len() - 1;
    assert!(said.contains(&format!("Tested: {operations}")), "not {operations}\n{said}");
    service.stop().await;
}
