//! The figures as tables.

use super::clients::{Client, Language};
use super::loads::Load;
use super::results::Results;
use std::fmt::Write as _;

/// A table a load.
pub(super) fn all(loads: &[&Load], clients: &[Client], results: &Results) -> String {
    loads.iter().map(|load| one(load, clients, results)).collect::<Vec<_>>().join("\n")
}

fn one(load: &Load, clients: &[Client], results: &Results) -> String {
    let mut text = format!("### {}\n\n| client |", load.title);
    for column in load.columns {
        let _ = write!(text, " {} |", column.title);
    }
    let _ = write!(text, " to the usual | to the best |\n|---|{}\n", "---:|".repeat(load.columns.len() + 2));
    for language in [Language::Rust, Language::Python, Language::Node] {
        let rows = || clients.iter().filter(|client| client.language == language);
        let main = |client: &Client| results.measure(load, client);
        let usual = rows().find(|client| client.usual(load.many)).and_then(main);
        let best = rows().filter(|client| !client.ours).filter_map(main).min_by(f64::total_cmp);
        for client in rows() {
            let title = if client.ours { format!("**{}**", client.title) } else { client.title.clone() };
            if results.broke(load, client) {
                let _ = writeln!(text, "| {title} | broke {}|", "| ".repeat(load.columns.len() + 1));
                continue;
            }
            if results.figure(load, client, &load.columns[0]).is_none() {
                continue;
            }
            let _ = write!(text, "| {title} |");
            for column in load.columns {
                let median = results.figure(load, client, column).unwrap_or_default();
                let _ = write!(text, " {median:.*} |", column.digits);
            }
            let beside = |other: Option<f64>| match (main(client), other) {
                (Some(mine), Some(other)) => format!("{:.2}x", mine / other),
                _ => String::new(),
            };
            let _ = writeln!(text, " {} | {} |", beside(usual), beside(best));
        }
    }
    if let Some(note) = load.note {
        let _ = writeln!(text, "\n{note}");
    }
    text
}
