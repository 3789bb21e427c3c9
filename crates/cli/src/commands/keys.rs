//! `turnwire keys create|list|revoke|rotate-tokens`: who may open a server, on the machine it runs on.

use super::serve::default_data;
use crate::Stop;
use crate::args::{CreateKey, DataArgs, Keys, KeysCommand, ListKeys, RevokeKey, RotateTokens};
use crate::output::Output;
use std::path::PathBuf;
use turnwire_server::keys::{self, KeyInfo, KeysError};

pub(crate) async fn run(args: Keys, output: &mut Output) -> Result<(), Stop> {
    match args.command {
        KeysCommand::Create(args) => create(&args, output).await,
        KeysCommand::List(args) => list(&args, output).await,
        KeysCommand::Revoke(args) => revoke(&args, output).await,
        KeysCommand::RotateTokens(args) => rotate_tokens(&args, output).await,
    }
}

impl From<KeysError> for Stop {
    fn from(error: KeysError) -> Self {
        Self::Failed(error.to_string(), crate::causes(&error))
    }
}

/// The data folder. One that no server ever used has no keys: more likely another one is meant.
fn folder(args: &DataArgs) -> Result<PathBuf, Stop> {
    let folder = args.folder.clone().map_or_else(default_data, Ok)?;
    if keys::is_data_folder(&folder) {
        return Ok(folder);
    }
    let path = folder.display();
    Err(Stop::failed(format!(
        "no server has used {path} as its data folder yet; start one, or name its folder with --data"
    )))
}

async fn create(args: &CreateKey, output: &mut Output) -> Result<(), Stop> {
    let (info, key) = keys::create(&folder(&args.data)?, &args.name, &args.owner, &args.scope)?;
    if args.json {
        let mut shown = serde_json::json!(info);
        shown["key"] = key.expose().into();
        return output.print_line(&shown.to_string()).await;
    }
    output.print_line(key.expose()).await?;
    output.say_line(&format!("{}  {}", info.id, about(&info))).await;
    output.say_line("shown this once; `turnwire keys revoke` with its id takes it back").await;
    Ok(())
}

async fn list(args: &ListKeys, output: &mut Output) -> Result<(), Stop> {
    for info in keys::list(&folder(&args.data)?)? {
        let line = if args.json {
            serde_json::json!(info).to_string()
        } else {
            let revoked = info.revoked_at.map(|at| format!("  revoked {at}")).unwrap_or_default();
            format!("{}  {}  {}{revoked}", info.id, info.created_at, about(&info))
        };
        output.print_line(&line).await?;
    }
    Ok(())
}

fn about(info: &KeyInfo) -> String {
    let scopes: Vec<_> = info.scopes.iter().map(|scope| scope.as_str()).collect();
    format!("{}  {}  {}", info.owner, scopes.join(","), info.name).trim_end().to_owned()
}

async fn revoke(args: &RevokeKey, output: &mut Output) -> Result<(), Stop> {
    if keys::revoke(&folder(&args.data)?, &args.id)? {
        output.say_line(&format!("revoked {}; a server that runs takes notice within five seconds", args.id)).await;
        return Ok(());
    }
    Err(Stop::failed(format!("there is no key {:?} that is good; `turnwire keys list` shows them", args.id)))
}

async fn rotate_tokens(args: &RotateTokens, output: &mut Output) -> Result<(), Stop> {
    keys::rotate_tokens(&folder(&args.data)?, args.now)?;
    let former = if args.now { "those made before are refused" } else { "those made before are good until they end" };
    output.say_line(&format!("stream tokens are signed with a new secret within five seconds; {former}")).await;
    Ok(())
}
