//! What an `OpenCode` gets beside its environment, which other processes of its user can read.

use super::setup::Setup;
use crate::ids;
use serde_json::{Map, Value};
use std::process::Stdio;
use tokio::process::Command;

/// What its API asks for.
const PASSWORD: &str = "OPENCODE_SERVER_PASSWORD";

/// The way it gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By its input, once it has closed itself.
    #[cfg(unix)]
    Input,
    /// In its environment after all.
    Environment,
}

/// What was handed over.
pub(super) struct Handed {
    pub(super) password: String,
    /// The answer comes here.
    #[cfg(unix)]
    input: Option<std::os::unix::net::UnixStream>,
}

impl Handed {
    /// Has the program get it this way.
    pub(super) fn over(command: &mut Command, setup: &Setup, way: Way) -> std::io::Result<Self> {
        let password = ids::random_text::<32>();
        let handed = setup.secrets.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let handed = handed.chain([(PASSWORD, password.as_str())]);
        command.stdin(Stdio::null());
        #[cfg(unix)]
        command.env("BUN_INSPECT_PRELOAD", &setup.preload);
        match way {
            Way::Environment => {
                command.envs(handed);
            }
            #[cfg(unix)]
            Way::Input => {
                let handed: Map<String, Value> = handed.map(|(name, value)| (name.to_owned(), value.into())).collect();
                let input = Some(input(command, Value::Object(handed).to_string())?);
                // One that does not take it listens until it is ended, and must not be open to everybody.
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

    /// Whether the program, which listens by now, has got it: it answers before anything of its own runs.
    pub(super) fn is_taken(&self) -> bool {
        #[cfg(unix)]
        if let Some(mut input) = self.input.as_ref() {
            return std::io::Read::read(&mut input, &mut [0]).is_ok_and(|read| read == 1);
        }
        true
    }
}

/// Has the program find this in its input, a socket: what is a pipe, others could open. Gives the socket.
#[cfg(unix)]
fn input(command: &mut Command, text: String) -> std::io::Result<std::os::unix::net::UnixStream> {
    use tokio::io::AsyncWriteExt as _;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    command.stdin(std::os::fd::OwnedFd::from(theirs));
    let mut writing = tokio::net::UnixStream::from_std(ours.try_clone()?)?;
    tokio::spawn(async move {
        // Where nobody reads, it ends with the program.
        let _ = writing.write_all(text.as_bytes()).await;
        let _ = writing.shutdown().await;
    });
    Ok(ours)
}
