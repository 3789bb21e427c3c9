//! Every test of the three languages, and one line over all of them.

use crate::{Outcome, addons, bench, node, opencode, process, program, python, root};
use std::process::Command;
use std::time::Duration;

/// No stage takes a tenth of it; a stage that hangs is a failure with a name.
const STAGE: Duration = Duration::from_secs(30 * 60);

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Stages that ended badly, by name.
    broken: Vec<&'static str>,
}

pub(crate) fn run(args: &[String]) -> Outcome {
    if let Some(unknown) = args.first() {
        return Err(format!("test takes no argument, and got {unknown:?}"));
    }
    addons::build()?;
    let opencode = match opencode::program() {
        Ok(program) => Some(program),
        // Where it must not be skipped, it is not.
        Err(why) if std::env::var_os("CI").is_some() => return Err(format!("no OpenCode to test with: {why}")),
        Err(why) => {
            println!("SKIPPED: the tests with a real OpenCode, as it could not be installed: {why}");
            None
        }
    };
    let python = python::with_packages()?;
    node::build()?;

    let mut tally = Tally::default();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["test", "--workspace", "--no-fail-fast"]);
    let mut pytest = python::command(python);
    pytest.args(["-m", "pytest", "-q", "--color=no", "python/tests"]);
    let mut npm = node::npm();
    npm.args(["test", "--silent"]);
    for (stage, mut command) in [("rust", cargo), ("python", pytest), ("node", npm)] {
        println!("\n--- {stage}");
        command.env("TURNWIRE_BIN", program("turnwire")).env("TURNWIRE_TESTKIT", program("turnwire-testkit"));
        if let Some(opencode) = &opencode {
            command.env("TURNWIRE_OPENCODE", opencode);
        }
        tally.stage(stage, &mut command)?;
    }
    println!("\n--- bench, over a tiny load");
    let (passed, failed) = bench::smoke::run()?;
    println!("{passed} runs told every delta, {} did not", failed.len());
    for why in &failed {
        println!("{why}");
    }
    tally.passed += passed;
    if !failed.is_empty() {
        tally.failed += failed.len() as u64;
        tally.broken.push("bench");
    }
    println!();
    if tally.skipped > 0 {
        println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    } else {
        println!("{} passed, {} failed", tally.passed, tally.failed);
    }
    if tally.broken.is_empty() && tally.failed == 0 {
        return Ok(());
    }
    Err(format!("not all is well with {}", tally.broken.join(", ")))
}

impl Tally {
    fn stage(&mut self, name: &'static str, command: &mut Command) -> Outcome {
        let (passed, failed) = (self.passed, self.failed);
        let well = process::lines(command, STAGE, |line| {
            println!("{line}");
            self.read(line);
        })?;
        if well && self.failed == failed && self.passed == passed {
            return Err(format!("the {name} tests ran, but none was counted"));
        }
        if !well || self.failed > failed {
            self.broken.push(name);
            // It broke before it could count, such as in a compiler: that is a failure too.
            self.failed += u64::from(self.failed == failed);
        }
        Ok(())
    }

    /// Adds what the closing lines of cargo, pytest and node's runner say.
    fn read(&mut self, line: &str) {
        let line = line.trim_matches(['=', ' ']);
        let cargo = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")).map(|(_, rest)| rest);
        // Beyond a minute it also says the time in hours: `in 67.50s (0:01:07)`.
        let pytest = (line.contains(" in ") && line.ends_with(['s', ')'])).then_some(line);
        let node = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "));
        if let Some(counts) = cargo {
            counts.split("; ").for_each(|count| self.add(count));
        } else if let Some((word, number)) = node.and_then(|node| node.split_once(' ')) {
            self.add(&format!("{number} {word}"));
        } else if let Some((counts, _)) = pytest.and_then(|line| line.rsplit_once(" in ")) {
            counts.split(", ").for_each(|count| self.add(count));
        }
    }

    fn add(&mut self, count: &str) {
        let Some((number, word)) = count.split_once(' ') else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        match word {
            "passed" | "pass" => self.passed += number,
            "failed" | "fail" | "error" | "errors" => self.failed += number,
            "skipped" | "ignored" => self.skipped += number,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_closing_lines_of_all_three_runners_are_counted_and_nothing_else() {
        let mut tally = Tally::default();
        for line in [
            "running 7 tests",
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.05s",
            "=========== 1 failed, 20 passed, 3 skipped in 2.10s ===========",
            "5 passed in 0.21s",
            "6 passed in 67.50s (0:01:07)",
            "ℹ tests 12",
            "ℹ pass 11",
            "ℹ fail 1",
            "# pass 4",
            "# a comment of 9 words",
            "it passed 100 things in 3 tries",
        ] {
            tally.read(line);
        }
        assert_eq!((tally.passed, tally.failed, tally.skipped), (7 + 1 + 20 + 5 + 6 + 11 + 4, 2 + 1 + 1, 1 + 3));
    }
}
