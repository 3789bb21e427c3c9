//! `turnwire-testkit FILE`: serves one scenario until its standard input ends.

use std::io::Write as _;
use std::process::ExitCode;
use turnwire_testkit::{Scenario, Testkit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "turnwire-testkit: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), String> {
    let file = std::env::args().nth(1).ok_or("name the file of a scenario")?;
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
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
