//! The server under the checks that judge any server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{KEY, Service, config};
use turnwire_testkit::conformance::{Options, SERVER_FEATURES, checks, run_server};

#[tokio::test]
async fn this_server_passes_every_check() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let features: Vec<String> = SERVER_FEATURES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let all = checks();
    let count = all.len();
    let report = run_server(&service.url, KEY, &features, all, &Options::default()).await.unwrap();
    assert_eq!((report.passed().len(), report.failed().len()), (count, 0), "{report}");
    service.stop().await;
}
