//! `--config FILE`: settings of `serve` from a TOML file. They take the place of the defaults, so that an option or the
//! environment wins over them, and are checked and complained about by the one who checks those.

use super::Cli;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::path::Path;
use toml::Value;
use turnwire_server::read_secret;

/// Why a command line was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// By clap, with its own words.
    Usage(clap::Error),
    /// Something about the file: a sentence.
    File(String),
}

impl From<clap::Error> for Refused {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

/// Reads the command line and, where it names one, the file.
pub(crate) fn parse(args: &[OsString]) -> Result<Cli, Refused> {
    let given = command().try_get_matches_from(args)?;
    let Some(file) = named(&given) else { return Ok(Cli::from_arg_matches(&given)?) };
    let in_file = |why: String| Refused::File(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refused::File(format!("cannot read the settings in {}: {error}", file.display())))?;
    let settings: toml::Table = text.parse().map_err(|error| in_file(wrong(&text, &error)))?;
    if settings.get("api-key").and_then(Value::as_str).is_some_and(|key| !key.trim().is_empty()) {
        // As a file that holds nothing but the key.
        read_secret(file).map_err(|error| in_file(format!("`api-key` is not taken from it: {error}")))?;
    }
    let mut command = command();
    let options = given.subcommand().map(|(_, options)| options);
    let is_given = |option: &str| options.is_some_and(|options| options.contains_id(option));
    for (name, value) in &settings {
        // Of the two ways to give the key the one that is given here wins, too.
        if (name == "api-key" && is_given("api_key_file")) || (name == "api-key-file" && is_given("api_key")) {
            continue;
        }
        command = with_default(command, name, value).map_err(in_file)?;
    }
    // What was given fits, so what does not is in the file.
    let matches = command.try_get_matches_from(args).map_err(|error| in_file(first_line(&error)))?;
    Ok(Cli::from_arg_matches(&matches)?)
}

fn command() -> Command {
    without_empty_variables(Cli::command())
}

/// A variable that is set to nothing counts as absent: compose files and service units leave such behind.
fn without_empty_variables(mut command: Command) -> Command {
    let empty = |option: &&Arg| {
        let value = option.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.to_string_lossy().trim().is_empty())
    };
    let empty: Vec<_> = command.get_arguments().filter(empty).map(|option| option.get_id().clone()).collect();
    for option in empty {
        command = command.mut_arg(option, |option| option.env(None::<&'static str>));
    }
    command.mut_subcommands(without_empty_variables)
}

/// What is wrong and where, without the line itself: a key may be in it.
fn wrong(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().and_then(|span| text.get(..span.start));
    let line = at.map(|before| format!("line {}: ", before.matches('\n').count() + 1)).unwrap_or_default();
    format!("{line}{}", error.message().trim_end().replace('\n', ", "))
}

fn named(matches: &ArgMatches) -> Option<&Path> {
    let (name, serve) = matches.subcommand()?;
    (name == "serve").then(|| serve.get_one::<std::path::PathBuf>("config"))?.map(std::path::PathBuf::as_path)
}

fn with_default(command: Command, name: &str, value: &Value) -> Result<Command, String> {
    let id = command
        .find_subcommand("serve")
        .and_then(|serve| serve.get_arguments().find(|option| option.get_long() == Some(name)))
        .filter(|option| option.get_id() != "config")
        .map(|option| option.get_id().clone());
    let id = id.ok_or_else(|| {
        format!(
            "there is no setting `{name}`; `turnwire serve --help` lists them, and they are written here without --"
        )
    })?;
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        _ => return Err(format!("`{name}` must be one value: a text, a whole number, true or false")),
    };
    Ok(command.mut_subcommand("serve", |serve| serve.mut_arg(id, |option| option.default_value(value))))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
