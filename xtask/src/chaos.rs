//! `cargo xtask chaos`: many turns through a service whose faults are drawn by lot.

use crate::{Outcome, root};
use std::process::Command;

pub(crate) fn run(args: &[String]) -> Outcome {
    let (mut turns, mut seed) = ("10000".to_owned(), "42".to_owned());
    let mut rest = args.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().filter(|value| value.parse::<u64>().is_ok());
        let value = value.ok_or_else(|| format!("{name} needs a number"))?.clone();
        match name.as_str() {
            "--turns" => turns = value,
            "--seed" => seed = value,
            other => return Err(format!("chaos takes --turns and --seed, not {other}")),
        }
    }
    let status = Command::new(env!("CARGO"))
        .args(["test", "--release", "-p", "turnwire", "--test", "chaos", "--", "--nocapture"])
        .env("TURNWIRE_CHAOS_TURNS", turns)
        .env("TURNWIRE_CHAOS_SEED", seed)
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err("a turn did not come whole, see above".to_owned()) }
}
