//! What is measured, built: this project's clients with the workspace's release profile, and the peers at their pinned versions.

use crate::{Outcome, addons, built, node, process, python, root};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A cold release build takes ten minutes of two cores.
const BUILD: Duration = Duration::from_secs(60 * 60);

/// One tree's own clients.
pub(super) struct Staged {
    /// What distinguishes them from those of another tree, as in `rust@faster`; nothing for this tree's.
    pub(super) label: String,
    /// The Rust client.
    pub(super) rust: String,
    pub(super) python: String,
    /// The folder with the Python package, for `PYTHONPATH`.
    pub(super) package: String,
    /// The Node package.
    pub(super) npm: String,
    /// The server they read from.
    pub(super) replay: PathBuf,
    /// The decoder and the normalizer alone.
    pub(super) pure: PathBuf,
}

/// What the peers need.
pub(super) struct Peers {
    pub(super) rust: String,
    pub(super) python: String,
}

impl Staged {
    /// Builds this tree's clients, and puts them side by side, away from those that the tests use.
    pub(super) fn build() -> Outcome<Self> {
        let mut cargo = cargo();
        cargo.args([
            "build",
            "--release",
            "--locked",
            "-p",
            "turnwire-bench",
            "-p",
            "turnwire-node",
            "-p",
            "turnwire-python",
        ]);
        process::run("cargo build --release", &mut cargo, BUILD)?;
        node::build()?;
        let staged = built().join("bench");
        let _ = fs::remove_dir_all(&staged);
        let (python, npm) = (staged.join("python"), staged.join("npm"));
        copy(&root().join("python/turnwire"), &python.join("turnwire"), &["py"])?;
        copy(&root().join("npm"), &npm, &["package.json"])?;
        copy(&root().join("npm/dist"), &npm.join("dist"), &["js", "mjs"])?;
        let release = built().join("release");
        addons::install(&release, &python, &npm)?;
        for program in [client(), replay(), pure()] {
            fs::copy(release.join(&program), staged.join(&program))
                .map_err(|error| format!("cannot copy {program}: {error}"))?;
        }
        Self::of(&staged, String::new())
    }

    /// Builds what is Rust alone: without the addons it takes a third of the time.
    pub(super) fn rust() -> Outcome<Self> {
        process::run(
            "cargo build --release",
            cargo().args(["build", "--release", "--locked", "-p", "turnwire-bench"]),
            BUILD,
        )?;
        let release = built().join("release");
        Ok(Self {
            rust: text(&release.join(client())),
            replay: release.join(replay()),
            pure: release.join(pure()),
            ..Self::debug()
        })
    }

    /// The clients that another tree has staged.
    pub(super) fn also(tree: &Path) -> Outcome<Self> {
        let name = tree.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::of(&tree.join("target/bench"), format!("@{name}"))
    }

    /// This tree's clients as the tests have built them.
    pub(super) fn debug() -> Self {
        Self {
            label: String::new(),
            rust: text(&crate::program("turnwire-bench-client")),
            python: python::system().to_owned(),
            package: text(&root().join("python")),
            npm: text(&root().join("npm")),
            replay: crate::program("turnwire-bench-replay"),
            pure: crate::program("turnwire-bench-pure"),
        }
    }

    fn of(staged: &Path, label: String) -> Outcome<Self> {
        let rust = staged.join(client());
        if !rust.exists() {
            return Err(format!("there is no {}: run `cargo xtask bench --stage` in that tree first", rust.display()));
        }
        Ok(Self {
            label,
            rust: text(&rust),
            python: interpreter()?,
            package: text(&staged.join("python")),
            npm: text(&staged.join("npm")),
            replay: staged.join(replay()),
            pure: staged.join(pure()),
        })
    }
}

impl Peers {
    /// Installs and builds them, into the folder of what is built and `benches/peers/node/node_modules`.
    pub(super) fn build() -> Outcome<Self> {
        let mut cargo = cargo();
        let target = built().join("bench-peers");
        cargo.args([
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "benches/peers/rust/Cargo.toml",
            "--target-dir",
        ]);
        process::run("cargo build of the peers", cargo.arg(&target), BUILD)?;
        node::install(&peers().join("node"))?;
        let python = python::environment(&target.join("python"), &peers().join("python/requirements.txt"))?;
        Ok(Self { rust: text(&target.join("release").join(name("turnwire-bench-peers"))), python: text(&python) })
    }
}

/// A script of `benches/peers`, always this tree's: every client of a run does the very same.
pub(super) fn script(path: &str) -> String {
    text(&peers().join(path))
}

/// The Python itself: what stands on the PATH may be a script that starts it.
fn interpreter() -> Outcome<String> {
    let output = Command::new(python::system()).args(["-c", "import sys; print(sys.executable)"]).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", python::system()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn replay() -> String {
    name("turnwire-bench-replay")
}

fn pure() -> String {
    name("turnwire-bench-pure")
}

fn client() -> String {
    name("turnwire-bench-client")
}

fn name(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}

fn peers() -> PathBuf {
    root().join("benches/peers")
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Copies the files of a folder whose names end so.
fn copy(from: &Path, to: &Path, ends: &[&str]) -> Outcome {
    let fail = |error: std::io::Error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
    fs::create_dir_all(to).map_err(fail)?;
    for file in fs::read_dir(from).map_err(fail)? {
        let file = file.map_err(fail)?.file_name();
        let name = file.to_string_lossy();
        if ends.iter().any(|end| name.ends_with(end)) {
            fs::copy(from.join(&file), to.join(&file)).map_err(fail)?;
        }
    }
    Ok(())
}
