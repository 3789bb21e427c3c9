//! The rules of `spec/PROTOCOL.md` and the tests: each rule is cited by a test, and each citation names a rule.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{files, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use turnwire_testkit::scenarios;

/// Where citations stand.
const FOLDERS: [&str; 6] = ["crates", "bindings", "python", "npm/src", "npm/test", "docs"];

fn page() -> String {
    fs::read_to_string(root().join("spec/PROTOCOL.md")).unwrap()
}

/// A rule's number at the beginning of a text: `TURN-1`.
fn number(text: &str) -> Option<&str> {
    let area = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = text[area..].strip_prefix('-')?.bytes().take_while(u8::is_ascii_digit).count();
    (area > 1 && digits > 0).then(|| &text[..area + 1 + digits])
}

/// The rules that the page defines, in its order.
fn defined() -> Vec<String> {
    let page = page();
    let lines = page.lines().filter_map(|line| line.strip_prefix("- **"));
    lines.filter_map(|line| Some(number(line)?.to_owned())).collect()
}

/// The numbers that a text cites: `PROTOCOL TURN-1, TURN-2`.
fn cited(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for mut rest in text.split("PROTOCOL ").skip(1) {
        while let Some(rule) = number(rest) {
            found.push(rule);
            rest = rest[rule.len()..].strip_prefix(", ").unwrap_or_default();
        }
    }
    found
}

/// What of a file is a test: all of it in a folder of tests, else what follows the mark of Rust's own.
fn tests_of<'a>(path: &Path, text: &'a str) -> &'a str {
    let folder = |name: &str| path.components().any(|part| part.as_os_str() == name);
    if folder("tests") || folder("test") {
        return text;
    }
    text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
}

#[test]
fn a_rule_has_a_number_of_its_own() {
    let rules = defined();
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = rules.iter().filter(|rule| !seen.insert(*rule)).collect();
    assert!(twice.is_empty(), "these numbers stand twice: {twice:?}");
    assert!(rules.len() > 100, "only {} rules were found", rules.len());
}

/// Every citation with where it stands, and whether that is a test.
fn citations() -> Vec<(String, String, bool)> {
    let ends = ["rs", "py", "ts", "md"];
    let paths: Vec<_> = FOLDERS.iter().flat_map(|folder| files(&root().join(folder), &ends)).collect();
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.file_name() != Path::new(file!()).file_name()) {
        let text = fs::read_to_string(path).unwrap();
        let tests = tests_of(path, &text);
        let beside = &text[..text.len() - tests.len()];
        for (text, is_test) in [(beside, false), (tests, true)] {
            let place = path.display().to_string();
            found.extend(cited(text).into_iter().map(|rule| (rule.to_owned(), place.clone(), is_test)));
        }
    }
    let folders = ["http", "turns"].map(|name| scenarios(&root().join("tests/conformance").join(name)).unwrap());
    for (name, scenario) in folders.into_iter().flatten() {
        found.extend(scenario.rules.into_iter().map(|rule| (rule, name.clone(), true)));
    }
    found
}

#[test]
fn every_rule_is_cited_by_a_test_and_every_citation_names_a_rule() {
    let rules = defined();
    let citations = citations();
    let unknown: Vec<_> = citations.iter().filter(|(rule, ..)| !rules.contains(rule)).collect();
    assert!(unknown.is_empty(), "no such rules: {unknown:?}");
    let by_tests: BTreeSet<&str> =
        citations.iter().filter(|(.., is_test)| *is_test).map(|(rule, ..)| rule.as_str()).collect();
    let uncited: Vec<_> = rules.iter().filter(|rule| !by_tests.contains(rule.as_str())).collect();
    assert!(uncited.is_empty(), "no test cites {uncited:?}");
}

#[test]
fn a_rule_that_names_another_names_one_there_is() {
    let (page, rules) = (page(), defined());
    let areas: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.split('-').next()).collect();
    let words = page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let named = words.filter(|word| number(word) == Some(word) && areas.contains(word.split('-').next().unwrap()));
    for rule in named {
        assert!(rules.iter().any(|known| known == rule), "there is no {rule}");
    }
}

#[test]
fn what_the_page_points_at_is_there() {
    let text = fs::read_to_string(root().join("spec/events.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let openapi = fs::read_to_string(root().join("spec/openapi.yaml")).unwrap();
    let page = page();
    let mut names = 0;
    for quoted in page.split('`').skip(1).step_by(2) {
        if let Some(name) = quoted.strip_prefix("$defs/").filter(|name| !name.contains('*')) {
            assert!(schema["$defs"].get(name).is_some(), "events.schema.json has no {name}");
            names += 1;
        }
        if let Some(name) = quoted.strip_prefix("openapi.yaml#/components/").and_then(|path| path.split('/').nth(1)) {
            assert!(openapi.contains(&format!("\n    {name}:")), "openapi.yaml has no {name}");
        }
    }
    assert!(names > 10, "the events are pointed at: {names}");
    for event in schema["oneOf"].as_array().unwrap() {
        let name = event["$ref"].as_str().unwrap().trim_start_matches("#/$defs/");
        assert!(page.contains(&format!("| `$defs/{name}` |")), "the page has no {name}");
    }
}
