//! Every scenario of `tests/conformance/http` and `turns`, and the table of `docs/reliability.md` they make.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use turnwire_testkit::conformance::{Client, Options, cases, run};
use turnwire_testkit::{Scenario, scenarios};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_to_what_it_must() {
    let mut all = cases(&root().join("tests/conformance")).unwrap();
    all.retain(|case| case.about.name.starts_with("http/") || case.about.name.starts_with("turns/"));
    assert!(all.len() >= 110, "only {} scenarios were found", all.len());
    let report = run(&Client::Ours, all, &Options::default()).await.unwrap();
    assert!(report.failed().is_empty(), "{report}");
}

/// What ours does, from what the tests demand of it.
fn ours(scenario: &Scenario) -> String {
    let expect = &scenario.expect;
    let mut does = match (&expect.error, &expect.status) {
        (Some(error), _) => match &expect.text {
            Some(_) => format!("`{error}` with the turn so far"),
            None => format!("`{error}`"),
        },
        (None, Some(status)) if expect.every_event_once => format!("`{status}`, every event once"),
        (None, Some(status)) => format!("`{status}`"),
        (None, None) => "goes on".to_owned(),
    };
    if let Some(turns) = expect.turns.filter(|turns| *turns != 1) {
        let _ = write!(does, ", {turns} turns");
    } else if expect.turns == Some(1) {
        does.push_str(", one turn");
    }
    does
}

#[test]
fn the_table_of_the_docs_is_the_one_the_tests_make() {
    let mut table = String::from(
        "| What goes wrong | Official Python | Official TypeScript | Turnwire |\n| --- | --- | --- | --- |\n",
    );
    for (_, scenario) in scenarios(&root().join("tests/conformance/http")).unwrap() {
        let (python, typescript) =
            scenario.official.as_ref().map_or(("", ""), |they| (they.python.as_str(), they.typescript.as_str()));
        let _ = writeln!(table, "| {} | {python} | {typescript} | {} |", scenario.says, ours(&scenario));
    }
    let file = root().join("docs/reliability.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let from = page.find(begin).expect("the table's beginning is marked") + begin.len();
    let to = page.find(end).expect("the table's end is marked");
    if std::env::var_os("TURNWIRE_WRITE_DOCS").is_some() {
        std::fs::write(&file, format!("{}{table}{}", &page[..from], &page[to..])).unwrap();
        return;
    }
    assert_eq!(&page[from..to], table, "run this test with TURNWIRE_WRITE_DOCS=1 to write the table anew");
}
