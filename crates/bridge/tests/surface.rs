//! `tests/conformance/surface.json` is made from the table of operations.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::Value;
use std::path::Path;

/// `TURNWIRE_WRITE_DOCS=1` writes it anew.
#[test]
fn every_operation_stands_in_the_surface_with_its_arguments() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/surface.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut written: Value = serde_json::from_str(&text).unwrap();
    let made = turnwire_bridge::surface();
    if std::env::var_os("TURNWIRE_WRITE_DOCS").is_some() {
        for (name, value) in made.as_object().unwrap() {
            written[name] = value.clone();
        }
        std::fs::write(&path, serde_json::to_string_pretty(&written).unwrap() + "\n").unwrap();
        return;
    }
    for (name, value) in made.as_object().unwrap() {
        assert_eq!(&written[name], value, "{name}: run this test with TURNWIRE_WRITE_DOCS=1");
    }
}
