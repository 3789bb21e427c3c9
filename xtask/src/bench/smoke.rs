//! Each of this project's clients over a tiny load: that the bench still runs them, and that they see every delta.

use super::clients;
use super::replay::Replay;
use super::stage::Staged;
use super::task::{self, Figures};
use crate::Outcome;

/// Deltas of a turn, and the characters of them all: the words of the replay server come round every eight.
const DELTAS: f64 = 400.0;
const CHARACTERS: f64 = 2350.0;

/// How many of the clients do as they should, and what the others did instead. Times are no part of it.
pub(crate) fn run() -> Outcome<(u64, Vec<String>)> {
    let staged = Staged::debug();
    let replay = Replay::start(&staged.replay)?;
    let (mut passed, mut failed) = (0, Vec::new());
    for client in clients::ours(&staged) {
        for (task, numbers, deltas) in [
            ("fast", &["event", "8", "400"][..], Some((DELTAS, CHARACTERS))),
            ("fast", &["16k", "8", "400"], Some((DELTAS, CHARACTERS))),
            ("first", &["10"], Some((30.0, 180.0))),
            ("construct", &["2"], None),
        ] {
            let numbers: Vec<String> = numbers.iter().map(|&number| number.to_owned()).collect();
            let outcome = task::run(&client, task, &replay.url, &numbers);
            match outcome.and_then(|figures| deltas.map_or(Ok(()), |wanted| check(&figures, wanted))) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{} {task}: {why}", client.name)),
            }
        }
    }
    Ok((passed, failed))
}

fn check(figures: &Figures, (events, sum): (f64, f64)) -> Outcome {
    let told = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
    if told("events").total_cmp(&events).is_eq() && told("sum").total_cmp(&sum).is_eq() {
        return Ok(());
    }
    Err(format!("{} deltas of {} characters, not {events} of {sum}", told("events"), told("sum")))
}
