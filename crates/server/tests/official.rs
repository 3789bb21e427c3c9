//! The hosted service's own client and a browser's `EventSource` against this server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::tools::{installed, python, says_ok};
use common::{KEY, Service};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hosted_services_python_client_works_here() {
    let Some(programs) = python("official-python", "casedev==0.55.0").await else { return };
    let service = Service::start().await;
    says_ok(&mut Command::new(programs.join("python")), "official_python.py", &[&service.url, KEY]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_reads_on_after_a_cut() {
    let install = |folder: &std::path::Path| {
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(folder).arg("eventsource@4");
        vec![install]
    };
    let Some(folder) = installed("official-node", "eventsource 4 (npm)", install).await else { return };
    let service = Service::start().await;
    says_ok(Command::new("node").current_dir(&folder), "eventsource.mjs", &[&service.url, KEY]).await;
}
