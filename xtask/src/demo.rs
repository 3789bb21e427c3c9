//! One real turn with a tool call from each language, through one server and one real OpenCode.

use crate::process::{self, Guard};
use crate::{Outcome, addons, node, opencode, program, python, root};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A cold OpenCode on a slow machine needs some of it.
const TURN: Duration = Duration::from_secs(120);
const READY: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &[String]) -> Outcome {
    let practice = match args {
        [] => false,
        [flag, runtime] if flag == "--runtime" && runtime == "practice" => true,
        _ => return Err("demo takes nothing, or --runtime practice".to_owned()),
    };
    addons::build()?;
    node::build()?;
    let opencode = if practice { None } else { opencode_or_say() };

    let folder = Folder::new()?;
    let (server, url) = serve(&folder.0, opencode.as_deref())?;
    let environment = [("TURNWIRE_BASE_URL", url.as_str()), ("TURNWIRE_API_KEY", KEY)];
    println!("\nserver: {url}, runtime: {}", if opencode.is_some() { "OpenCode" } else { "practice" });

    let mut node = Command::new("node");
    node.current_dir(root()).arg("examples/node/demo.mjs");
    let mut python = python::command(python::system());
    python.arg("examples/python/demo.py");
    let languages = [("rust", Command::new(example("demo"))), ("python", python), ("node", node)];
    let mut last_lines = Vec::new();
    let mut all_completed = true;
    for (language, mut command) in languages {
        println!("\n--- {language}");
        let mut last = String::new();
        let ended = process::lines(command.envs(environment), TURN, |line| {
            println!("{line}");
            line.clone_into(&mut last);
        });
        let completed = matches!(ended, Ok(true)) && last.starts_with(language) && last.contains("turn.completed");
        if !completed {
            all_completed = false;
            let why = ended.err().unwrap_or(last);
            last = format!("{language:<7} did not complete its turn: {why}");
        }
        last_lines.push(last);
    }
    drop(server);
    println!("\n{}", last_lines.join("\n"));
    if all_completed { Ok(()) } else { Err("not every language completed its turn".to_owned()) }
}

/// Good for this one server on loopback, which lives as long as the demo.
const KEY: &str = "demo-key-of-a-server-on-loopback";

fn opencode_or_say() -> Option<std::path::PathBuf> {
    let found = opencode::program();
    if let Err(why) = &found {
        println!("OpenCode could not be installed ({why}); going on with --runtime practice, which needs none");
    }
    found.ok()
}

fn example(name: &str) -> std::path::PathBuf {
    crate::target().join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Starts the server and waits until it says where it listens.
fn serve(data: &Path, opencode: Option<&Path>) -> Outcome<(Guard, String)> {
    let mut command = Command::new(program("turnwire"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--api-key", KEY, "--data"]).arg(data);
    match opencode {
        Some(opencode) => command.args(["--runtime", "local", "--practice-model", "--opencode"]).arg(opencode),
        None => command.args(["--runtime", "practice"]),
    };
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut server = Guard(child.map_err(|error| format!("cannot start the server: {error}"))?);
    let Some(output) = server.0.stdout.take() else { return Err("the server has no output".to_owned()) };
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Read to the end, so that the server never waits for a reader.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, url)) = line.split_once("listening on ") {
                let _ = tell.send(url.trim().to_owned());
            }
        }
    });
    let url = told.recv_timeout(READY).map_err(|_| "the server did not say that it listens".to_owned())?;
    Ok((server, url))
}

/// A folder of the demo's own, removed at its end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("turnwire-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
