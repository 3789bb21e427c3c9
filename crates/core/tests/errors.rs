//! `tests/conformance/errors.json`, which the tests of Python and Node read, is the table of this crate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};
use std::path::Path;
use turnwire::error::CODES;
use turnwire::{Error, ErrorKind};

/// PROTOCOL ERR-2.
#[test]
fn the_file_of_codes_is_the_table() {
    let rows: Vec<Value> = CODES
        .iter()
        .map(|row| {
            json!({"code": row.code, "class": row.kind.class(), "status": row.status, "type": row.wire_type, "retryable": row.retryable})
        })
        .collect();
    let rows: Vec<String> = rows.iter().map(|row| format!("  {row}")).collect();
    let text = format!("[\n{}\n]\n", rows.join(",\n"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/errors.json");
    if std::env::var_os("TURNWIRE_WRITE_DOCS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        text,
        "run this test with TURNWIRE_WRITE_DOCS=1 to write it anew"
    );
}

/// PROTOCOL ERR-2.
#[test]
fn every_code_is_explained_in_the_docs() {
    let page = include_str!("../../../docs/errors.md");
    for row in CODES {
        assert!(page.contains(&format!("`{}`", row.code)), "docs/errors.md does not say what {} is", row.code);
        assert!(page.contains(&format!("`{}`", row.kind.class())), "docs/errors.md does not name {}", row.kind.class());
    }
}

/// PROTOCOL ERR-2.
#[test]
fn a_status_without_a_known_code_has_the_class_of_its_status() {
    for (status, kind) in [
        (400, ErrorKind::BadRequest),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::PermissionDenied),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (410, ErrorKind::ChatEnded),
        (418, ErrorKind::Status),
        (422, ErrorKind::UnprocessableEntity),
        (429, ErrorKind::RateLimit),
        (599, ErrorKind::InternalServer),
    ] {
        let error = Error::from_status(status, Some("a_code_of_theirs".to_owned()), "No.");
        assert_eq!((error.kind(), error.code(), error.status()), (kind, "a_code_of_theirs", Some(status)));
    }
}
