//! `cargo xtask bench`: this project's clients beside the field's, in turn, each in a process of its own.

mod clients;
pub(crate) mod instructions;
mod loads;
mod replay;
mod results;
pub(crate) mod smoke;
mod stage;
mod svg;
mod table;
mod task;
mod write;

use crate::Outcome;
use clients::Client;
use loads::{LOADS, Load};
use replay::Replay;
use results::Results;
use stage::{Peers, Staged};
use std::path::PathBuf;

const USAGE: &str = "bench takes --quick, --only CLIENT,..., --load LOAD,..., --also TREE (whose clients `bench --stage` has \
    built there), --stage (build only), --smoke (a tiny load of what `cargo xtask build` built), --write";

#[derive(Default)]
struct Options {
    quick: bool,
    only: Vec<String>,
    loads: Vec<String>,
    also: Vec<PathBuf>,
    stage: bool,
    smoke: bool,
    write: bool,
}

pub(crate) fn run(args: &[String]) -> Outcome {
    let options = options(args)?;
    if options.smoke {
        let (passed, failed) = smoke::run()?;
        println!("{passed} runs told every delta, {} did not", failed.len());
        return if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) };
    }
    let staged = Staged::build()?;
    if options.stage {
        println!("the clients of this tree are built");
        return Ok(());
    }
    let mut clients = clients::ours(&staged);
    for tree in &options.also {
        clients.extend(clients::ours(&Staged::also(tree)?));
    }
    clients.extend(clients::peers(&Peers::build()?));
    let clients = chosen(clients, &options.only, |client| &client.name, "client")?;
    let loads = chosen(LOADS.iter().collect(), &options.loads, |load| load.name, "load")?;
    let replay = Replay::start(&staged.replay)?;
    let mut results = Results::default();
    for load in &loads {
        measure(load, &clients, &replay.url, options.quick, &mut results);
    }
    drop(replay);
    let tables = table::all(&loads, &clients, &results);
    println!("\n{tables}");
    results.sound()?;
    if options.write { write::write(options.quick, &tables, &loads, &clients, &results) } else { Ok(()) }
}

/// Runs every client once a round, so that what disturbs the machine for a while disturbs all of them.
fn measure(load: &Load, clients: &[Client], url: &str, quick: bool, results: &mut Results) {
    let (rounds, numbers) = load.size(quick);
    for round in 1..=rounds {
        for client in clients.iter().filter(|client| client.many || !load.many) {
            eprintln!("{} {round}/{rounds}: {}", load.name, client.name);
            let outcome = task::run(client, load.task, url, &numbers);
            if let Err(why) = &outcome {
                eprintln!("{why}");
            }
            results.add(load, client, &numbers, outcome);
        }
    }
}

/// Those that are named, or all.
fn chosen<T>(all: Vec<T>, names: &[String], name: impl Fn(&T) -> &str, what: &str) -> Outcome<Vec<T>> {
    if let Some(unknown) = names.iter().find(|wanted| all.iter().all(|one| name(one) != wanted.as_str())) {
        let known: Vec<&str> = all.iter().map(name).collect();
        return Err(format!("there is no {what} {unknown}; there are {}", known.join(", ")));
    }
    Ok(all.into_iter().filter(|one| names.is_empty() || names.iter().any(|wanted| wanted == name(one))).collect())
}

fn options(args: &[String]) -> Outcome<Options> {
    let (mut options, mut rest) = (Options::default(), args.iter());
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{arg} needs a value; {USAGE}"));
        let list = |value: &String| value.split(',').map(str::to_owned).collect();
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--stage" => options.stage = true,
            "--smoke" => options.smoke = true,
            "--write" => options.write = true,
            "--only" => options.only = list(value()?),
            "--load" => options.loads = list(value()?),
            "--also" => options.also.push(value()?.into()),
            _ => return Err(format!("bench knows no {arg}; {USAGE}")),
        }
    }
    if options.write && (!options.also.is_empty() || !options.only.is_empty() || !options.loads.is_empty()) {
        return Err("--write takes every client and every load: leave the other options out".to_owned());
    }
    Ok(options)
}
