//! `turnwire serve`: the server, until it is told to stop.

use crate::args::{Delivery, Runtime, Serve};
use crate::output::Output;
use crate::{Interrupts, Stop, key};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use turnwire_server::{Config, RuntimeConfig, Server};

pub(crate) async fn run(args: Serve, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    log_to_stderr();
    let data = args.data.clone().map_or_else(default_data, Ok)?;
    let mut config = Config::new(&data);
    config.listen = args.listen;
    config.public_url = args.public_url.clone();
    config.delivery = match args.delivery {
        Delivery::Durable => turnwire_server::Delivery::Durable,
        Delivery::Fast => turnwire_server::Delivery::Fast,
    };
    let mut practice = None;
    config.runtime = match args.runtime {
        Runtime::Practice => RuntimeConfig::Practice,
        Runtime::Local => {
            let opencode_config = if args.practice_model {
                let (model, guard) = practice_model().await?;
                practice = Some(guard);
                Some(model)
            } else {
                None
            };
            RuntimeConfig::Local { opencode: args.opencode.clone(), opencode_config }
        }
    };
    let given = args.api_key.clone().filter(|key| !key.trim().is_empty());
    let key = match given {
        Some(key) => key::Key { key: key.trim().to_owned(), made: None },
        None => key::load_or_make(&data)?,
    };
    config.api_keys.push(key.key.as_str().into());

    let started = tokio::select! {
        started = Server::start(config) => started,
        interrupt = interrupts.next() => return Err(interrupt.into()),
    };
    let server = started.map_err(|error| Stop::Failed(error.to_string(), crate::causes(&error)))?;
    let address = server.local_addr();
    greet(&args, &key, address, output).await;
    // The one line on standard output: programs wait for it.
    let line = if args.json {
        format!("{{\"listening\":\"http://{address}\"}}")
    } else {
        format!("listening on http://{address}")
    };
    let told = output.print_line(&line).await;
    let interrupt = match told {
        // A reader that went away after it knew the address does not stop a server.
        Ok(()) | Err(Stop::Code(0)) => interrupts.next().await,
        Err(stop) => return Err(stop),
    };
    output.say_line("stopping; once more stops at once").await;
    tokio::select! {
        () = server.shutdown() => {}
        _ = interrupts.next() => {}
    }
    drop(practice);
    Err(interrupt.into())
}

/// What a person wants to know beside the address.
async fn greet(args: &Serve, key: &key::Key, address: SocketAddr, output: &mut Output) {
    if let Some(file) = &key.made {
        output.say_line(&format!("new key: {}", key.key)).await;
        output.say_line(&format!("  kept in {}; clients on this machine find it there", file.display())).await;
    }
    match args.runtime {
        Runtime::Local => {
            output.say_line("runtime: OpenCode. The agent runs shell commands as you, in a folder of each chat.").await;
            if crate::opencode::find(args.opencode.as_deref()).is_none() {
                output.say_line(&format!("careful: {}.", crate::opencode::MISSING)).await;
            }
        }
        Runtime::Practice => {
            output.say_line("runtime: practice. Prompts: /tool /ask /think /long N /slow N /fail").await;
        }
    }
    if !address.ip().is_loopback() {
        output
            .say_line(
                "careful: this address can be reached from other machines; whoever has the key commands the agent.",
            )
            .await;
    }
}

/// A scripted model on a free port, and the `OpenCode` configuration that uses it. It lives as long as the guard.
pub(crate) async fn practice_model() -> Result<(serde_json::Value, DropGuard), Stop> {
    let failed = |error: std::io::Error| Stop::failed(format!("the practice model has no port to listen on: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = CancellationToken::new();
    tokio::spawn(turnwire_practice::model::serve(listener, stop.clone()));
    Ok((turnwire_practice::model::opencode_config(&format!("http://{address}")), stop.drop_guard()))
}

/// Where everything is kept unless told otherwise: where clients look for the key.
fn default_data() -> Result<PathBuf, Stop> {
    let missing = || Stop::failed("there is no home folder to keep data in; name one with --data");
    turnwire::local_key_file().and_then(|key| key.parent().map(Path::to_owned)).ok_or_else(missing)
}

/// The server's log. `TURNWIRE_LOG` filters it, as in `TURNWIRE_LOG=debug`.
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("TURNWIRE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // Another server in this process may have set it up before.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).try_init();
}
