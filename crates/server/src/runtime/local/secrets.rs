//! Passes secrets to an `OpenCode` process outside its environment, which other processes of the same user can read.

use super::setup::Setup;
use crate::ids;
use serde_json::{Map, Value};
use std::process::Stdio;
use tokio::process::Command;

/// The password of its API.
const PASSWORD: &str = "OPENCODE_SERVER_PASSWORD";

/// How the process receives its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// By its standard input, after it has protected itself from other processes.
    #[cfg(unix)]
    Input,
    /// In its environment, as a fallback.
    Environment,
}

/// The secrets of one process, as they were passed to it.
pub(super) struct Secrets {
    pub(super) password: String,
    /// Our end of its standard input, on which it confirms.
    #[cfg(unix)]
    input: Option<std::os::unix::net::UnixStream>,
}

impl Secrets {
    /// Configures the command to receive the secrets by this channel.
    pub(super) fn pass(command: &mut Command, setup: &Setup, channel: Channel) -> std::io::Result<Self> {
        let password = ids::random_text::<32>();
        let secrets = setup.secrets.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let secrets = secrets.chain([(PASSWORD, password.as_str())]);
        command.stdin(Stdio::null());
        #[cfg(unix)]
        command.env("BUN_INSPECT_PRELOAD", &setup.preload);
        match channel {
            Channel::Environment => {
                command.envs(secrets);
            }
            #[cfg(unix)]
            Channel::Input => {
                let secrets: Map<String, Value> =
                    secrets.map(|(name, value)| (name.to_owned(), value.into())).collect();
                let input = Some(input(command, Value::Object(secrets).to_string())?);
                // A process that does not read its input listens until it is stopped, and must not be open to everybody until then.
                command.env(PASSWORD, ids::random_text::<32>());
                return Ok(Self { password, input });
            }
        }
        Ok(Self {
            password,
            #[cfg(unix)]
            input: None,
        })
    }

    /// Whether the program, which is listening by now, has confirmed that it received them: it does so before its own code runs.
    pub(super) fn are_received(&self) -> bool {
        #[cfg(unix)]
        if let Some(mut input) = self.input.as_ref() {
            return std::io::Read::read(&mut input, &mut [0]).is_ok_and(|read| read == 1);
        }
        true
    }
}

/// Writes this text to the program's standard input, a socket, because other processes could open a pipe. Returns our end.
#[cfg(unix)]
fn input(command: &mut Command, text: String) -> std::io::Result<std::os::unix::net::UnixStream> {
    use tokio::io::AsyncWriteExt as _;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    command.stdin(std::os::fd::OwnedFd::from(theirs));
    let mut writing = tokio::net::UnixStream::from_std(ours.try_clone()?)?;
    tokio::spawn(async move {
        // If the program does not read, this ends with it.
        let _ = writing.write_all(text.as_bytes()).await;
        let _ = writing.shutdown().await;
    });
    Ok(ours)
}
