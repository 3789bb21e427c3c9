//! The project's tasks: `cargo xtask demo`, `cargo xtask test`, … No dependencies, so that it builds at once.

mod addons;
mod bench;
mod chaos;
mod demo;
mod node;
mod opencode;
mod process;
mod python;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a task answers: nothing, or the sentence that says why it failed.
pub(crate) type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "\
Usage: cargo xtask <TASK>

  demo    one real turn through Rust, Python and Node, against a real OpenCode
          (--runtime practice: without it)
  test    every test of Rust, Python and Node, ending in one line: N passed, N failed
  chaos   many turns through a service whose faults are drawn by lot
          (--turns 10000 --seed 42)
  bench   this project's clients beside the field's, interleaved
          (--quick, --only CLIENT,..., --load LOAD,..., --also TREE, --stage, --write)
  instructions
          how many an event takes, against the committed ones (--all, --write)
  build   the program and both addons, copied to where Python and Node load them
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next();
    let rest: Vec<String> = args.collect();
    let outcome = match task.as_deref() {
        Some("demo") => demo::run(&rest),
        Some("test") => test::run(&rest),
        Some("bench") => bench::run(&rest),
        Some("instructions") => bench::instructions::run(&rest),
        Some("chaos") => chaos::run(&rest),
        Some("build") => addons::build(),
        Some("help" | "-h" | "--help") | None => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("xtask: there is no task {other:?}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where everything goes that is built.
pub(crate) fn built() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where cargo puts what it builds for the tests.
pub(crate) fn target() -> PathBuf {
    built().join("debug")
}

/// A program cargo built, by name.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
