//! What the runs told, and whether every client saw the same.

use super::clients::Client;
use super::loads::{Column, Load};
use super::task::Figures;
use crate::Outcome;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Results {
    /// The rounds of a load and a client.
    rounds: BTreeMap<(&'static str, String), Vec<Figures>>,
    /// The sum of the deltas that the first client of a load saw.
    sums: BTreeMap<&'static str, f64>,
    wrong: Vec<String>,
    /// Peers that broke under many streams: that is a result, not a fault of the bench.
    broke: BTreeSet<(&'static str, String)>,
}

/// A stream whose events are seen so late, in microseconds, in the middle, is not held: what that takes of a core says nothing.
const HELD: f64 = 50_000.0;

impl Results {
    pub(super) fn add(&mut self, load: &Load, client: &Client, numbers: &[String], outcome: Outcome<Figures>) {
        match outcome.and_then(|figures| self.check(load, client, numbers, &figures).map(|()| figures)) {
            Ok(figures) => self.rounds.entry((load.name, client.name.clone())).or_default().push(figures),
            Err(_) if load.many && !client.ours => {
                self.broke.insert((load.name, client.name.clone()));
            }
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

    /// The median of the rounds.
    pub(super) fn figure(&self, load: &Load, client: &Client, column: &Column) -> Option<f64> {
        self.median(load, client, |figures| {
            let by = column.per.map_or(Some(1.0), |per| figures.get(per).copied())?;
            Some(figures.get(column.figure)? / by * column.scale)
        })
    }

    /// The main figure of a client that another may be divided by: of one that held its streams.
    pub(super) fn measure(&self, load: &Load, client: &Client) -> Option<f64> {
        let late = self.median(load, client, |figures| figures.get("p50_us").copied());
        if late.is_some_and(|late| late > HELD) || self.broke(load, client) {
            return None;
        }
        self.figure(load, client, &load.columns[0])
    }

    pub(super) fn broke(&self, load: &Load, client: &Client) -> bool {
        self.broke.contains(&(load.name, client.name.clone()))
    }

    fn median(&self, load: &Load, client: &Client, value: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let rounds = self.rounds.get(&(load.name, client.name.clone()))?;
        let mut values: Vec<f64> = rounds.iter().filter_map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// Whether every run ended well, and every client saw the same.
    pub(super) fn sound(&self) -> Outcome {
        if self.wrong.is_empty() { Ok(()) } else { Err(format!("not every run counts:\n{}", self.wrong.join("\n"))) }
    }
}
