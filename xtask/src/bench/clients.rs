//! Who is measured, and with what.

use super::stage::{Peers, Staged, script};
use std::process::Command;

/// A client's language; the peers of one language are compared with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Python,
    Node,
}

/// A client of the list.
pub(super) struct Client {
    /// What `--only` and the JSON of a run call it.
    pub(super) name: String,
    /// What the tables call it.
    pub(super) title: String,
    pub(super) language: Language,
    /// Whether it is one of this project's.
    pub(super) ours: bool,
    /// Whether it can hold many streams at once.
    pub(super) many: bool,
    program: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Client {
    /// Whether it is what people of its language use for this: with one stream, or with many at once.
    pub(super) fn usual(&self, many: bool) -> bool {
        let python = if many { "casedev-async" } else { "casedev" };
        ["eventsource-stream", "esp-http", python].contains(&self.name.as_str())
    }

    /// The client, about to do a task.
    pub(super) fn command(&self, task: &str, base: &str, numbers: &[String]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args([task, base]).args(numbers);
        // No proxy stands between a client and this machine; a run is the same whoever starts it.
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.env("PYTHONHASHSEED", "0").envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// This project's clients, as they stand in a work tree.
pub(super) fn ours(staged: &Staged) -> Vec<Client> {
    let (python, node) = (script("python/ours.py"), script("node/ours.mjs"));
    let kinds = [
        ("rust", Language::Rust, "typed", "Rust: typed, folded", true),
        ("python-sync", Language::Python, "sync", "Python, synchronous", false),
        ("python-async", Language::Python, "async", "Python, asynchronous", true),
        ("python-dicts", Language::Python, "dicts", "Python, dicts", false),
        ("node-objects", Language::Node, "objects", "Node, objects", true),
        ("node-batches", Language::Node, "batches", "Node, batches", true),
        ("node-lazy", Language::Node, "lazy", "Node, lazy batches", true),
    ];
    let client = |(name, language, kind, title, many): (&str, Language, &str, &str, bool)| {
        let (program, environment) = match language {
            Language::Rust => (vec![staged.rust.clone()], vec![]),
            Language::Python => {
                (vec![staged.python.clone(), python.clone()], vec![("PYTHONPATH", staged.package.clone())])
            }
            Language::Node => (vec!["node".to_owned(), node.clone()], vec![("TURNWIRE_NPM", staged.npm.clone())]),
        };
        let mut program = program;
        program.push(kind.to_owned());
        Client {
            name: format!("{name}{}", staged.label),
            title: format!("{title}{}", staged.label),
            language,
            ours: true,
            many,
            program,
            environment,
        }
    };
    kinds.into_iter().map(client).collect()
}

/// The clients that this project's are compared with.
pub(super) fn peers(peers: &Peers) -> Vec<Client> {
    let kinds = [
        ("sse-stream", Language::Rust, "sse-stream 0.3.0 and Value", true),
        ("eventsource-stream", Language::Rust, "eventsource-stream 0.2.3 and a struct", true),
        ("casedev", Language::Python, "casedev 0.55.0, synchronous", false),
        ("casedev-async", Language::Python, "casedev 0.55.0, asynchronous", true),
        ("httpx-sse", Language::Python, "httpx-sse 0.4.3, synchronous", false),
        ("httpx-sse-async", Language::Python, "httpx-sse 0.4.3, asynchronous", true),
        ("aiohttp", Language::Python, "aiohttp 3.14.5, lines by hand", true),
        ("openai", Language::Python, "openai 3.57.0, synchronous", false),
        ("esp-http", Language::Node, "eventsource-parser 3.1.1 on node:http", true),
        ("esp-fetch", Language::Node, "eventsource-parser 3.1.1 on fetch", true),
    ];
    let client = |(name, language, title, many): (&str, Language, &str, bool)| {
        let mut program = match language {
            Language::Rust => vec![peers.rust.clone()],
            Language::Python => vec![peers.python.clone(), script("python/peers.py")],
            Language::Node => vec!["node".to_owned(), script("node/peers.mjs")],
        };
        program.push(name.to_owned());
        Client {
            name: name.to_owned(),
            title: title.to_owned(),
            language,
            ours: false,
            many,
            program,
            environment: vec![],
        }
    };
    kinds.into_iter().map(client).collect()
}
