//! One client doing one task: a process, and the figures of the line it prints.

use super::clients::Client;
use crate::{Outcome, process};
use std::collections::BTreeMap;
use std::time::Duration;

/// A task takes a fraction of it: a minute, where one client needs 200 µs an event.
const LIMIT: Duration = Duration::from_secs(180);

/// Streams at a pace take twenty seconds; a client that has not even opened them by then does not hold them.
const PACED: Duration = Duration::from_secs(60);

/// What a client measured, by name.
pub(super) type Figures = BTreeMap<String, f64>;

/// Runs a client to its end.
pub(super) fn run(client: &Client, task: &str, base: &str, numbers: &[String]) -> Outcome<Figures> {
    let mut lines = Vec::new();
    let limit = if task == "paced" { PACED } else { LIMIT };
    let well = process::lines(&mut client.command(task, base, numbers), limit, |line| lines.push(line.to_owned()));
    let figures = lines.iter().find_map(|line| read(line));
    match (well, figures) {
        (Ok(true), Some(figures)) => Ok(figures),
        (Err(why), _) => Err(format!("{} {task}: {why}", client.name)),
        _ => Err(format!("{} {task} failed:\n{}", client.name, lines.join("\n"))),
    }
}

/// Reads `events=100 sum=587 cpu_us=12.5`.
fn read(line: &str) -> Option<Figures> {
    let figure =
        |word: &str| word.split_once('=').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    line.split_whitespace().map(figure).collect::<Option<Figures>>().filter(|figures| !figures.is_empty())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn only_a_line_of_figures_is_read_as_one() {
        assert_eq!(read("events=3 cpu_us=1.5").and_then(|figures| figures.get("cpu_us").copied()), Some(1.5));
        for line in ["", "a warning: x=1", "events=three"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
