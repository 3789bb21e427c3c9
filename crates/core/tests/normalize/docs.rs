//! `docs/events.md` says what the code does.

use crate::judged::JUDGED;
use crate::log::{Log, ROOT};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use turnwire::event::EventKind;
use turnwire::normalize::RAW_EVENTS;

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md")).unwrap()
}

/// The first cells of the table under a heading.
fn column(heading: &str) -> Vec<String> {
    let page = page();
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_table_lists_the_raw_events_that_tell_something() {
    assert_eq!(column("Raw events"), RAW_EVENTS);
}

#[test]
fn the_table_of_parts_says_which_are_told() {
    for part_type in column("Parts") {
        let row = page().lines().find(|line| line.starts_with(&format!("| `{part_type}` |"))).map(str::to_owned);
        let silent = row.as_ref().is_some_and(|row| row.contains("| Nothing"));
        let kind = if part_type == "any other" { "hologram" } else { &part_type };
        let mut log = Log::new();
        log.user("msg_u", "x").busy().agent("msg_a", "msg_u", json!({}));
        let body = json!({"type": kind, "text": "x", "tool": "bash", "state": {"status": "running", "input": {}}});
        log.part(ROOT, "msg_a", "prt_1", body);
        let told =
            log.told().iter().any(|event| matches!(&event.kind, EventKind::PartUpdated(_) | EventKind::PartDelta(_)));
        assert_eq!(told, !silent, "{part_type}");
    }
}

#[test]
fn the_page_lists_every_capture_that_was_judged() {
    let page = page();
    let table = page.split("These are the decisions:").nth(1).unwrap().split("These agree").next().unwrap();
    let quoted = table.split('`').skip(1).step_by(2).filter(|name| name.contains('/'));
    let listed: BTreeSet<&str> = quoted.collect();
    let judged: BTreeSet<&str> = JUDGED.iter().flat_map(|judged| judged.cases).copied().collect();
    assert_eq!(listed, judged);
}
