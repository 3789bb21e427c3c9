//! `turnwire-testkit FILE`: serves one scenario until its standard input ends. `turnwire-testkit conformance`: judges a client or a server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use turnwire_testkit::conformance::{
    self, About, Client, FEATURES, Options, SERVER_FEATURES, adapter, cases, checks, run_server,
};
use turnwire_testkit::{Scenario, Testkit};

const USAGE: &str = "\
Usage: turnwire-testkit FILE
       turnwire-testkit adapter
       turnwire-testkit conformance --client COMMAND [--only TEXT] [--list] [--jobs N] [--timeout SECONDS] [--cases FOLDER]
       turnwire-testkit conformance --server URL --key KEY [--features NAME,…] [--only TEXT] [--list] [--timeout SECONDS]

  FILE         serves one scenario of tests/conformance/http until its standard input ends
  adapter      this project's Rust client, as a client under test
  conformance  judges a client or a server; docs/conformance.md describes the lines that COMMAND reads and writes
    --only     only the cases whose names contain TEXT (may be repeated)
    --list     names the cases, what each needs, and the features, without running any
    --features what the server has: agent, practice, files
    --jobs     how many cases run at once, 4 unless said
    --timeout  how long a case may take, 60 seconds unless said
    --cases    the folder with the cases, tests/conformance unless said
";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        Some("conformance") => conform(&args[1..]).await,
        Some("adapter") => {
            adapter::serve(std::io::stdin().lock(), std::io::stdout()).await.map_err(|e| e.to_string()).map(|()| true)
        }
        Some(file) if !file.starts_with('-') => serve(file).await.map(|()| true),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "turnwire-testkit: {problem}");
            ExitCode::from(2)
        }
    }
}

/// What the command line wants of `conformance`.
struct Wanted {
    client: Option<String>,
    server: Option<String>,
    key: String,
    features: Vec<String>,
    only: Vec<String>,
    list: bool,
    folder: PathBuf,
    options: Options,
}

fn wanted(args: &[String]) -> Result<Wanted, String> {
    let here = PathBuf::from("tests/conformance");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let folder = if here.is_dir() { here } else { ours };
    let mut wanted = Wanted {
        client: None,
        server: None,
        key: String::new(),
        features: vec![],
        only: vec![],
        list: false,
        folder,
        options: Options::default(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(|| format!("{arg} needs a value\n\n{USAGE}"));
        let number = |text: String| text.parse::<u32>().map_err(|_| format!("{arg} needs a number, not {text:?}"));
        match arg.as_str() {
            "--client" => wanted.client = Some(value()?),
            "--server" => wanted.server = Some(value()?),
            "--key" => wanted.key = value()?,
            "--features" => wanted.features.extend(value()?.split(',').map(str::to_owned)),
            "--only" => wanted.only.push(value()?),
            "--list" => wanted.list = true,
            "--cases" => wanted.folder = value()?.into(),
            "--jobs" => wanted.options.jobs = number(value()?)? as usize,
            "--timeout" => wanted.options.time = Duration::from_secs(number(value()?)?.into()),
            other => return Err(format!("there is no option {other:?}\n\n{USAGE}")),
        }
    }
    Ok(wanted)
}

/// Whether the client or the server passes.
async fn conform(args: &[String]) -> Result<bool, String> {
    let wanted = wanted(args)?;
    let is_chosen = |about: &About| wanted.only.is_empty() || wanted.only.iter().any(|only| about.name.contains(only));
    let no_such = || Err("no case has such a name".to_owned());
    let report = match (&wanted.server, &wanted.client) {
        (Some(_), Some(_)) => return Err(format!("say --client or --server, not both\n\n{USAGE}")),
        (Some(url), None) => {
            let chosen: Vec<_> = checks().into_iter().filter(|check| is_chosen(&check.about)).collect();
            if wanted.list {
                return list(chosen.iter().map(|check| &check.about), SERVER_FEATURES);
            }
            if chosen.is_empty() {
                return no_such();
            }
            run_server(url, &wanted.key, &wanted.features, chosen, &wanted.options).await?
        }
        (None, client) => {
            let all = cases(&wanted.folder)?;
            let chosen: Vec<_> = all.into_iter().filter(|case| is_chosen(&case.about)).collect();
            if wanted.list {
                return list(chosen.iter().map(|case| &case.about), FEATURES);
            }
            let Some(command) = client else { return Err(format!("say --client or --server\n\n{USAGE}")) };
            if chosen.is_empty() {
                return no_such();
            }
            conformance::run(&Client::Command(command.clone()), chosen, &wanted.options).await?
        }
    };
    writeln!(std::io::stdout(), "{report}").map_err(|error| error.to_string())?;
    Ok(report.failed().is_empty())
}

fn list<'a>(cases: impl Iterator<Item = &'a About>, features: &[(&str, &str)]) -> Result<bool, String> {
    let cases = cases.map(|About { name, says, needs, rules, .. }| {
        format!("{name}: {says} [{}] {}", needs.join(" "), rules.join(" "))
    });
    let features = features.iter().map(|(name, says)| format!("  {name:16}{says}"));
    let lines: Vec<String> = cases.chain([String::new(), "Features:".to_owned()]).chain(features).collect();
    writeln!(std::io::stdout(), "{}", lines.join("\n")).map_err(|error| error.to_string())?;
    Ok(true)
}

async fn serve(file: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let scenario: Scenario = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
    let running = scenario.call.while_running.clone();
    let kit = Testkit::start(scenario).await.map_err(|error| error.to_string())?;
    if let Some(prompt) = running {
        kit.start_turn(&prompt);
    }
    writeln!(std::io::stdout(), "listening on {}", kit.url()).map_err(|error| error.to_string())?;
    let closed = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    closed.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    Ok(())
}
