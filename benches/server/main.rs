//! What the server promises in figures, one file a figure. `benches/server/README.md` has them, and the command.
//!
//! The server is the real program in a process of its own, on the real disk. Where the agent must be paced and stamped, this very
//! program is also the `opencode` the server starts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss, missing_docs)]

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod create;
#[cfg(target_os = "linux")]
mod figure;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod latency;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod readers;
#[cfg(target_os = "linux")]
mod replay;
#[cfg(target_os = "linux")]
mod stand_in;
#[cfg(target_os = "linux")]
mod start;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    type Bench = (&'static str, fn() -> Vec<figure::Figure>);
    const BENCHES: [Bench; 7] = [
        ("latency", latency::measure),
        ("log", log::measure),
        ("replay", replay::measure),
        ("idle", idle::measure),
        ("readers", readers::measure),
        ("start", start::measure),
        ("create", create::measure),
    ];
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // As the server starts its OpenCode.
    if arguments.first().is_some_and(|first| first == "serve") {
        stand_in::serve();
    }
    let asked: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = asked.iter().find(|name| BENCHES.iter().all(|(known, _)| known != **name)) {
        eprintln!("there is no figure {unknown}; there are {}", BENCHES.map(|(name, _)| name).join(", "));
        return std::process::ExitCode::from(2);
    }
    program::build();
    println!("{}", figure::machine());
    let mut missed = 0;
    for (name, measure) in BENCHES {
        if asked.is_empty() || asked.iter().any(|asked| *asked == name) {
            println!("{name} (load {})", figure::load());
            for figure in measure() {
                println!("  {figure}");
                missed += usize::from(figure.missed());
            }
        }
    }
    if missed > 0 {
        println!("{missed} missed, in the best of the runs too: no noise of the machine explains that");
    }
    std::process::ExitCode::from(u8::from(missed > 0))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("these figures are read from /proc: they are taken on Linux only");
}
