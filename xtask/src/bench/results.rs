//! What the runs told, and whether every client saw the same.

use super::clients::Client;
use super::loads::{Column, Load};
use super::task::Figures;
use crate::Outcome;
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Results {
    /// The rounds of a load and a client.
    rounds: BTreeMap<(&'static str, String), Vec<Figures>>,
    /// The sum of the deltas that the first client of a load saw.
    sums: BTreeMap<&'static str, f64>,
    wrong: Vec<String>,
}

impl Results {
    pub(super) fn add(&mut self, load: &Load, client: &Client, numbers: &[String], outcome: Outcome<Figures>) {
        match outcome.and_then(|figures| self.check(load, client, numbers, &figures).map(|()| figures)) {
            Ok(figures) => self.rounds.entry((load.name, client.name.clone())).or_default().push(figures),
            Err(why) => self.wrong.push(why),
        }
    }

    /// A client that drops events, or makes them up, is not a fast one.
    fn check(&mut self, load: &Load, client: &Client, numbers: &[String], figures: &Figures) -> Outcome {
        let Some(deltas) = load.deltas(numbers) else { return Ok(()) };
        let told = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
        let sum = *self.sums.entry(load.name).or_insert(told("sum"));
        if told("events").total_cmp(&deltas).is_ne() || told("sum").total_cmp(&sum).is_ne() {
            let (events, saw) = (told("events"), told("sum"));
            return Err(format!(
                "{} of {} saw {events} deltas of {saw} characters, not {deltas} of {sum}",
                client.name, load.name
            ));
        }
        Ok(())
    }

    /// The median of the rounds, and the least.
    pub(super) fn figure(&self, load: &Load, client: &Client, column: &Column) -> Option<(f64, f64)> {
        let value = |figures: &Figures| {
            let by = column.per.map_or(Some(1.0), |per| figures.get(per).copied())?;
            Some(figures.get(column.figure)? / by * column.scale)
        };
        let mut values: Vec<f64> =
            self.rounds.get(&(load.name, client.name.clone()))?.iter().filter_map(value).collect();
        values.sort_by(f64::total_cmp);
        Some((*values.get(values.len() / 2)?, *values.first()?))
    }

    /// Whether every run ended well, and every client saw the same.
    pub(super) fn sound(&self) -> Outcome {
        if self.wrong.is_empty() { Ok(()) } else { Err(format!("not every run counts:\n{}", self.wrong.join("\n"))) }
    }
}
