//! `cargo xtask instructions`: how many machine instructions an event takes, counted by callgrind and compared with the figures
//! that are committed. Unlike a time, a count is the same on a busy machine.

use super::clients::{self, Client};
use super::replay::Replay;
use super::stage::Staged;
use crate::{Outcome, process, root};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// A run takes half a minute at most.
const LIMIT: Duration = Duration::from_secs(300);

/// A count may be so much above the committed one. Repeated counts of Rust differ by a thirtieth of it, those of the other ends
/// by up to two thirds: there it is two threads that meet earlier or later.
const TOLERANCE: f64 = 0.03;

/// What a count is of: the difference of a longer and a shorter run, so that the start of a program is no part of it.
struct Workload {
    name: &'static str,
    client: &'static str,
    task: &'static [&'static str],
    runs: [&'static str; 2],
    /// How many events the longer run has more.
    events: f64,
}

const RECORDING: &str = "tests/conformance/normalize/1.18.33/long2000.sse";
const EVENTS: &[&str] = &["fast", "event", "100"];
const ENDS: [&str; 2] = ["2000", "12000"];

/// So many of them are Rust alone.
const RUST: usize = 3;

/// The Node end runs in V8's interpreter: what the compiler makes of it is not the same in two runs.
const WORKLOADS: [Workload; 6] = [
    // 2,073 frames, from which 2,007 events are told.
    Workload { name: "decode", client: "", task: &["decode", RECORDING], runs: ["1", "11"], events: 20_730.0 },
    Workload { name: "normalize", client: "", task: &["normalize", RECORDING], runs: ["1", "11"], events: 20_070.0 },
    Workload { name: "rust", client: "rust", task: EVENTS, runs: ENDS, events: 10_000.0 },
    Workload { name: "python-sync", client: "python-sync", task: EVENTS, runs: ENDS, events: 10_000.0 },
    Workload { name: "python-async", client: "python-async", task: EVENTS, runs: ENDS, events: 10_000.0 },
    Workload { name: "node-objects", client: "node-objects", task: EVENTS, runs: ENDS, events: 10_000.0 },
];

pub(crate) fn run(args: &[String]) -> Outcome {
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if !args.iter().all(|arg| arg == "--write" || arg == "--all") {
        return Err(
            "instructions takes nothing, --all (the Python and the Node end too) or --write (all, and keeps them)"
                .to_owned(),
        );
    }
    let (write, all) = (has("--write"), has("--all") || has("--write"));
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: no instructions are counted, as valgrind is not installed");
        return Ok(());
    }
    let file = root().join("benches/instructions.txt");
    let (tools, committed) = (tools(), fs::read_to_string(&file).unwrap_or_default());
    if !write && !committed.lines().any(|line| line == tools) {
        println!(
            "SKIPPED: no instructions are compared, as the committed ones were counted with other tools than {tools}"
        );
        return Ok(());
    }
    let mut text = format!(
        "# Machine instructions an event, counted by callgrind; `cargo xtask instructions --write` writes this file.\n{tools}\n"
    );
    let mut grown = Vec::new();
    let (rust, ends) = WORKLOADS.split_at(RUST);
    // Two builds: what is Rust alone is counted as the gate builds it.
    for (workloads, staged) in [(rust, Some(Staged::rust()?)), (ends, if all { Some(Staged::build()?) } else { None })]
    {
        let Some(staged) = staged else { continue };
        let replay = Replay::start(&staged.replay)?;
        let clients = clients::ours(&staged);
        for workload in workloads {
            let client = clients.iter().find(|client| client.name == workload.client);
            let [short, long] = workload.runs.map(|size| count(workload, client, &staged, &replay.url, size));
            let now = ((long? - short?) / workload.events).round();
            let _ = writeln!(text, "{} {now}", workload.name);
            grown.extend(compare(workload.name, now, figure(&committed, workload.name)));
        }
    }
    if write {
        return fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()));
    }
    if grown.is_empty() {
        return Ok(());
    }
    Err(format!(
        "an event takes more instructions than 3 % above the committed ones; mend it, or say why in the commit that writes \
         them anew with `cargo xtask instructions --write`:\n{}",
        grown.join("\n")
    ))
}

/// Tells a figure, and how it stands to the committed one; the sentence is about one that has grown too much.
fn compare(name: &str, now: f64, was: Option<f64>) -> Option<String> {
    let Some(was) = was else {
        println!("{name:<14}{now:>8} instructions an event");
        return Some(format!("{name}: {now}, and none is committed"));
    };
    let change = now / was - 1.0;
    let gain = if change < -TOLERANCE { ": keep that with `cargo xtask instructions --write`" } else { "" };
    println!("{name:<14}{now:>8} instructions an event, {:+.1} %{gain}", change * 100.0);
    (change > TOLERANCE).then(|| format!("{name}: {now}, committed are {was}"))
}

/// The instructions of one run.
fn count(workload: &Workload, client: Option<&Client>, staged: &Staged, url: &str, size: &str) -> Outcome<f64> {
    let mut command = Command::new("valgrind");
    command.current_dir(root()).args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    match (client, workload.task) {
        (Some(client), [task, numbers @ ..]) => {
            let numbers: Vec<String> = numbers.iter().chain([&size]).map(|&number| number.to_owned()).collect();
            let run = client.command(task, url, &numbers);
            let mut program: Vec<_> = std::iter::once(run.get_program()).chain(run.get_args()).collect();
            let node = ["--jitless", "--single-threaded", "--hash-seed=1", "--random-seed=1"].map(std::ffi::OsStr::new);
            if run.get_program() == "node" {
                program.splice(1..1, node);
            }
            command.args(program);
            for (name, value) in run.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
        }
        (None, task) => {
            command.arg(&staged.pure).args(task).arg(size);
        }
        (Some(_), []) => {}
    }
    let mut counted = None;
    let mut lines = Vec::new();
    let well = process::lines(&mut command, LIMIT, |line| {
        if let Some((_, number)) = line.split_once("Collected : ") {
            counted = number.trim().parse().ok();
        }
        lines.push(line.to_owned());
    })?;
    counted.filter(|_| well).ok_or_else(|| format!("{} under callgrind failed:\n{}", workload.name, lines.join("\n")))
}

/// What the counts depend on besides the code.
fn tools() -> String {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let tools = [version("rustc"), version(crate::python::system()), format!("node {}", version("node"))];
    format!("# {}, {}-{}", tools.join(", "), std::env::consts::ARCH, std::env::consts::OS)
}

fn figure(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{compare, figure};

    #[test]
    fn only_a_figure_that_has_grown_by_more_than_three_percent_is_told() {
        assert!(compare("rust", 1031.0, Some(1000.0)).is_some());
        assert!(compare("rust", 1000.0, None).is_some());
        assert_eq!(compare("rust", 1029.0, Some(1000.0)), None);
        assert_eq!(compare("rust", 500.0, Some(1000.0)), None);
    }

    #[test]
    fn a_committed_figure_is_found_by_its_whole_name() {
        let text = "# rustc 1.95.0\npython-sync 44145\npython 7\n";
        assert_eq!(
            (figure(text, "python-sync"), figure(text, "python"), figure(text, "node")),
            (Some(44145.0), Some(7.0), None)
        );
    }
}
