//! The tables and the picture, put into `benches`.

use super::clients::Client;
use super::loads::Load;
use super::results::Results;
use super::svg;
use crate::{Outcome, root};
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// Replaces what stands between the markers of `benches/README.md`, and draws the first load.
pub(super) fn write(quick: bool, tables: &str, loads: &[&Load], clients: &[Client], results: &Results) -> Outcome {
    let benches = root().join("benches");
    let readme = benches.join("README.md");
    let fail = |error: std::io::Error| format!("cannot write the figures into {}: {error}", benches.display());
    let text = fs::read_to_string(&readme).map_err(fail)?;
    let cut = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = cut else { return Err(format!("{} has no {BEGIN} and {END}", readme.display())) };
    let [first, ..] = loads else { return Err("there is no load to draw".to_owned()) };
    fs::write(benches.join("peers/bench.svg"), svg::draw(first, clients, results)).map_err(fail)?;
    let what = "**Ours are bold.** \"To the usual\" divides by what people of the language use for this: eventsource-stream, \
                casedev (its asynchronous client for many streams), eventsource-parser on node:http; \"to the best\" by the best \
                peer of the language. Less is better.";
    let machine = format!("{}{}", machine(), if quick { " A quick run: few rounds of small loads." } else { "" });
    let picture = format!("![{}](peers/bench.svg)", first.title);
    fs::write(&readme, format!("{before}{BEGIN}\n{machine}\n\n{what}\n\n{picture}\n\n{tables}\n{END}{after}"))
        .map_err(fail)
}

/// What the figures were taken on, and when.
fn machine() -> String {
    let told = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let rust = told("rustc", "--version");
    format!(
        "{cores} cores of {} ({}), {}, {}, Node {}, {}; loopback, no TLS.",
        model.unwrap_or("an unknown processor"),
        std::env::consts::OS,
        rust.split(" (").next().unwrap_or_default(),
        told(crate::python::system(), "--version"),
        told("node", "--version"),
        date(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)),
    )
}

/// The date of a day counted from 1970-01-01, by the era of 400 years it falls into.
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{of_month:02}", era * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_day_has_the_date_of_the_calendar() {
        for (days, wanted) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_453, "2025-12-31"), (20_783, "2026-11-26")]
        {
            assert_eq!(date(days), wanted);
        }
    }
}
