//! One client doing one task: a process, and the figures of the line it prints.

use super::clients::Client;
use crate::{Outcome, process};
use std::collections::BTreeMap;
use std::time::Duration;

/// No task of any client takes a minute; one that hangs is told by name.
const LIMIT: Duration = Duration::from_secs(180);

/// What a client measured, by name.
pub(super) type Figures = BTreeMap<String, f64>;

/// Runs a client to its end.
pub(super) fn run(client: &Client, task: &str, base: &str, numbers: &[String]) -> Outcome<Figures> {
    let mut lines = Vec::new();
    let well = process::lines(&mut client.command(task, base, numbers), LIMIT, |line| lines.push(line.to_owned()));
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
