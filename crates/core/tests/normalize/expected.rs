//! The committed expectations. `TURNWIRE_EXPECT=write cargo test -p turnwire --test normalize expected` writes them anew;
//! without it the same command shows what differs.

use crate::cases::{cases, folder, lines, normalize, turns};
use std::env;
use std::fs;
use std::path::Path;

/// So many lines of a difference are shown.
const SHOWN: usize = 12;

#[test]
fn every_capture_gives_its_expected_events_and_turns() {
    let write = env::var_os("TURNWIRE_EXPECT").is_some_and(|value| value == "write");
    let mut wrong = Vec::new();
    for case in cases() {
        let events = normalize(&case.bytes);
        let turns: String =
            turns(&events).iter().map(|turn| serde_json::to_string_pretty(turn).unwrap() + "\n").collect();
        for (kind, now) in [("events.jsonl", lines(&events)), ("turns.json", turns)] {
            let path = folder().join(format!("{}.{kind}", case.name));
            // A recording that tells nothing has an empty file that says so.
            let expected = fs::read_to_string(&path).ok();
            if expected.as_ref() != Some(&now) {
                wrong.push(difference(&path, expected.as_deref().unwrap_or_default(), &now));
                if write {
                    fs::write(&path, &now).unwrap();
                }
            }
        }
    }
    if write {
        println!("{}", wrong.join("\n"));
    } else {
        assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
    }
}

fn difference(path: &Path, expected: &str, now: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), now.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let tail = old[same..].iter().rev().zip(new[same..].iter().rev()).take_while(|(old, new)| old == new).count();
    let name = path.strip_prefix(folder()).unwrap().display();
    let mut shown = format!("{name}, from line {}:\n", same + 1);
    for (sign, lines) in [('-', &old[same..old.len() - tail]), ('+', &new[same..new.len() - tail])] {
        for line in lines.iter().take(SHOWN) {
            shown.extend([sign, ' '].into_iter().chain(line.chars().take(400)).chain(['\n']));
        }
        if lines.len() > SHOWN {
            let more = format!("{sign} … {} more\n", lines.len() - SHOWN);
            shown.push_str(&more);
        }
    }
    shown
}
