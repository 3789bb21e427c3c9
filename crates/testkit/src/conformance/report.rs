//! How the cases went.

use super::about::About;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It came to what it must.
    Passed,
    /// What was wrong.
    Failed(Vec<String>),
    /// The features that it needs and the client does not have.
    Skipped(Vec<&'static str>),
}

/// How all cases went. Its text is the summary.
#[derive(Debug, Default)]
pub struct Report {
    cases: BTreeMap<String, (About, Verdict)>,
}

impl Report {
    pub(crate) fn add(&mut self, verdicts: Vec<(About, Verdict)>) {
        self.cases.extend(verdicts.into_iter().map(|(about, verdict)| (about.name.clone(), (about, verdict))));
    }

    /// The names of the cases that went so.
    fn names(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<&str> {
        self.cases.values().filter(|(_, verdict)| wanted(verdict)).map(|(about, _)| about.name.as_str()).collect()
    }

    /// The names of the cases that passed.
    pub fn passed(&self) -> Vec<&str> {
        self.names(|verdict| matches!(verdict, Verdict::Passed))
    }

    /// The names of the cases that failed.
    pub fn failed(&self) -> Vec<&str> {
        self.names(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// The names of the cases that were skipped.
    pub fn skipped(&self) -> Vec<&str> {
        self.names(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wanting: BTreeMap<&str, usize> = BTreeMap::new();
        let mut text = String::new();
        for (about, verdict) in self.cases.values() {
            match verdict {
                Verdict::Passed => {}
                Verdict::Skipped(missing) => missing.iter().for_each(|name| *wanting.entry(*name).or_default() += 1),
                Verdict::Failed(wrong) => {
                    let rules =
                        if about.rules.is_empty() { String::new() } else { format!(" ({})", about.rules.join(", ")) };
                    let _ = writeln!(text, "FAILED {}: {}{rules}", about.name, about.says);
                    for wrong in wrong {
                        let _ = writeln!(text, "       {wrong}");
                    }
                }
            }
        }
        if !wanting.is_empty() {
            let wanting: Vec<String> = wanting.iter().map(|(name, count)| format!("{name} ({count})")).collect();
            let _ = writeln!(text, "skipped for want of: {}", wanting.join(", "));
        }
        let (passed, failed, skipped) = (self.passed().len(), self.failed().len(), self.skipped().len());
        write!(f, "{text}{passed} passed, {failed} failed, {skipped} skipped")
    }
}
