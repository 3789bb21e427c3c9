//! A figure and its limit. Other work on the machine only ever makes a run worse, so of several runs the best is what the code can
//! do, and a limit is missed when even that misses it. The median is told beside it: the further it is off, the busier the machine.

use std::fmt;

/// What a figure must be.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    Under(f64),
    AtLeast(f64),
    /// It is only told.
    None,
}

pub(crate) struct Figure {
    name: String,
    unit: &'static str,
    /// From the best to the worst.
    runs: Vec<f64>,
    limit: Limit,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, limit: Limit, mut runs: Vec<f64>) -> Self {
        assert!(!runs.is_empty());
        runs.sort_by(f64::total_cmp);
        if matches!(limit, Limit::AtLeast(_)) {
            runs.reverse();
        }
        Self { name: name.into(), unit, runs, limit }
    }

    pub(crate) fn missed(&self) -> bool {
        match self.limit {
            Limit::Under(limit) => self.runs[0] >= limit,
            Limit::AtLeast(limit) => self.runs[0] < limit,
            Limit::None => false,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (best, median) = (number(self.runs[0]), number(self.runs[self.runs.len() / 2]));
        write!(f, "{:<52} {best:>9} {}", self.name, self.unit)?;
        if self.runs.len() > 1 {
            write!(f, "  (median of {}: {median})", self.runs.len())?;
        }
        let verdict = if self.missed() { "MISSED" } else { "met" };
        match self.limit {
            Limit::Under(limit) => write!(f, "  limit: under {}, {verdict}", number(limit)),
            Limit::AtLeast(limit) => write!(f, "  limit: at least {}, {verdict}", number(limit)),
            Limit::None => Ok(()),
        }
    }
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let mut digits = format!("{value:.0}");
            for place in (1..digits.len()).rev().filter(|place| (digits.len() - place) % 3 == 0).collect::<Vec<_>>() {
                digits.insert(place, ',');
            }
            digits
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds of a clock all processes of the machine share.
pub(crate) fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
}

/// The load of the last minute: what else goes on beside the bench, and the bench itself.
pub(crate) fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap().to_owned()
}

pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().unwrap();
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    format!("{cores} cores, {}", model.trim_start_matches([' ', '\t', ':']))
}
