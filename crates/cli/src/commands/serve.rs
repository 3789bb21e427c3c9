//! `turnwire serve`: the server, until it is told to stop.

use crate::args::{Delivery, Runtime, Serve};
use crate::output::Output;
use crate::{Interrupts, Stop, key, log};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use turnwire_server::{Config, RuntimeConfig, Server, TlsConfig, read_secret};

pub(crate) async fn run(args: Serve, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let _exporting = log::begin(&args.log)?;
    let data = args.data.clone().map_or_else(default_data, Ok)?;
    let mut config = Config::new(&data);
    config.listen = args.listen;
    config.public_url = args.public_url.clone();
    config.tls = tls(&args)?;
    config.delivery = match args.delivery {
        Delivery::Durable => turnwire_server::Delivery::Durable,
        Delivery::Fast => turnwire_server::Delivery::Fast,
    };
    config.limits = args.limits.limits();
    config.join_trace = args.log.otlp.as_ref().is_some_and(|url| !url.is_empty()).then_some(log::join_trace);
    let mut practice = None;
    config.runtime = match args.agent.runtime {
        Runtime::Practice => RuntimeConfig::Practice,
        Runtime::Local => {
            let opencode_config = if args.agent.practice_model {
                let (model, guard) = practice_model().await?;
                practice = Some(guard);
                Some(model)
            } else {
                args.agent.opencode_config.as_deref().map(opencode_config).transpose()?
            };
            let processes = args.agent.processes.get() as usize;
            let isolate = (args.agent.isolate == Some(true)).then_some(processes);
            config.agent.isolate_owners = args.agent.isolate.is_none().then_some(processes);
            config.agent.project_config = args.agent.project_config;
            config.agent.pass_env =
                args.agent.pass_env.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            // The practice model needs no provider.
            config.agent.provider_env = !args.agent.practice_model;
            RuntimeConfig::Local { opencode: args.agent.opencode.clone(), opencode_config, isolate }
        }
    };
    let given = args.api_key.clone().filter(|key| !key.trim().is_empty());
    let key = match (given, &args.api_key_file) {
        (Some(key), _) => {
            let key =
                key::checked(&key).map_err(|why| Stop::failed(format!("cannot use the key that was given: {why}")))?;
            key::Key { key: key.to_owned(), made: None }
        }
        (None, Some(file)) => key::load(file)?,
        (None, None) => key::load_or_make(&data)?,
    };
    config.api_keys.push(key.key.as_str().into());
    #[cfg(target_os = "linux")]
    // What the agent starts runs as the same user, and is not to read keys from this process. Best effort: without it all works.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);

    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let started = tokio::select! {
        started = Server::start(config) => started,
        interrupt = interrupts.next() => return Err(interrupt.into()),
    };
    let server = started.map_err(|error| Stop::Failed(error.to_string(), crate::causes(&error)))?;
    let address = server.local_addr();
    greet(&args, &key, address, output).await;
    if args.agent.runtime == Runtime::Local && args.agent.isolate == Some(false) {
        warn_of_sharing(&data, output).await;
    }
    // The one line on standard output: programs wait for it.
    let line = if args.json {
        format!("{{\"listening\":\"{scheme}://{address}\"}}")
    } else {
        format!("listening on {scheme}://{address}")
    };
    let told = output.print_line(&line).await;
    let interrupt = match told {
        // A reader that went away after it knew the address does not stop a server.
        Ok(()) | Err(Stop::Code(0)) => interrupts.next().await,
        Err(stop) => return Err(stop),
    };
    output.say_line("stopping; once more stops at once").await;
    let at_once = server.end_runtime();
    tokio::select! {
        () = server.shutdown() => {}
        // The agent is not left behind.
        _ = interrupts.next() => at_once.await,
    }
    drop(practice);
    Err(interrupt.into())
}

/// Both files, or neither.
fn tls(args: &Serve) -> Result<Option<TlsConfig>, Stop> {
    match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Ok(Some(TlsConfig { cert: cert.clone(), key: key.clone() })),
        (None, None) => Ok(None),
        _ => Err(Stop::failed("TLS needs both --tls-cert and --tls-key; give the other one too")),
    }
}

fn opencode_config(file: &Path) -> Result<serde_json::Value, Stop> {
    let problem = |why: String| Stop::failed(format!("OpenCode's configuration {}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let config: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| problem(format!("is no JSON: {error}")))?;
    if holds_secret(&config) {
        read_secret(file).map_err(|error| problem(error.to_string()))?;
    }
    if config.is_object() { Ok(config) } else { Err(problem("must be a JSON object".to_owned())) }
}

/// Whether a secret stands in it as it is, and not only where `OpenCode` finds it (`{env:NAME}`, `{file:PATH}`).
fn holds_secret(config: &serde_json::Value) -> bool {
    let names_one = |name: &str| {
        let name = name.to_ascii_lowercase().replace(['-', '_'], "");
        ["apikey", "accesskey", "token", "secret", "password", "authorization"].iter().any(|word| name.ends_with(word))
    };
    match config {
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| match value {
            serde_json::Value::String(text) => names_one(name) && !text.is_empty() && !text.contains('{'),
            value => holds_secret(value),
        }),
        serde_json::Value::Array(values) => values.iter().any(holds_secret),
        _ => false,
    }
}

/// What a person wants to know beside the address.
async fn greet(args: &Serve, key: &key::Key, address: SocketAddr, output: &mut Output) {
    if let Some(file) = &key.made {
        output.say_line(&format!("new key: {}", key.key)).await;
        output.say_line(&format!("  kept in {}; clients on this machine find it there", file.display())).await;
    }
    match args.agent.runtime {
        Runtime::Local => {
            output.say_line("runtime: OpenCode. The agent runs shell commands as you, in a folder of each chat.").await;
            if crate::opencode::find(args.agent.opencode.as_deref()).is_none() {
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
        if args.tls_cert.is_none() {
            output
                .say_line("careful: without TLS the key travels readable; see --tls-cert, or put a proxy before it.")
                .await;
        }
    }
}

/// One process for several owners is what somebody asked for, and is told what it means.
async fn warn_of_sharing(data: &Path, output: &mut Output) {
    let keys = turnwire_server::keys::list(data).unwrap_or_default();
    let mut owners: Vec<_> = keys.into_iter().filter(|key| key.revoked_at.is_none()).map(|key| key.owner).collect();
    owners.push("default".to_owned());
    owners.sort();
    owners.dedup();
    if owners.len() > 1 {
        let owners = owners.join(", ");
        output
            .say_line(&format!(
                "careful: one OpenCode serves several owners ({owners}); an agent of one can reach what it keeps of the others. \
                 Leave out --isolate=false to keep new chats apart."
            ))
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
pub(crate) fn default_data() -> Result<PathBuf, Stop> {
    let missing = || Stop::failed("there is no home folder to keep data in; name one with --data");
    turnwire::local_key_file().and_then(|key| key.parent().map(Path::to_owned)).ok_or_else(missing)
}
