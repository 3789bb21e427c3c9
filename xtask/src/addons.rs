//! One cargo call builds the program and both addons; then the addons are put where Python and Node load them.

use crate::{Outcome, process, root, target};
use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A cold build takes two minutes of an ordinary machine; this is for a slow one.
const BUILD: Duration = Duration::from_secs(40 * 60);

/// Builds everything in the one shape that `cargo test --workspace` uses too: another selection of packages would
/// select other features, and build the dependencies a second time.
pub(crate) fn build() -> Outcome {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--workspace", "--lib", "--bins", "--examples", "--tests"]);
    process::run("cargo build", &mut cargo, BUILD)?;
    install(&target(), &root().join("python"), &root().join("npm"))
}

/// Puts both addons of a build into a Python and a Node package.
pub(crate) fn install(build: &Path, python: &Path, npm: &Path) -> Outcome {
    copy(build, "_native", &python.join("turnwire/_native.abi3.so"))?;
    copy(build, "turnwire_node", &npm.join(node_addon()))
}

/// The name the Node package loads: `turnwire.linux-x64-gnu.node`.
fn node_addon() -> String {
    let os = match OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let arch = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let libc = if cfg!(target_env = "musl") {
        "-musl"
    } else if cfg!(target_os = "linux") {
        "-gnu"
    } else if cfg!(target_os = "windows") {
        "-msvc"
    } else {
        ""
    };
    format!("turnwire.{os}-{arch}{libc}.node")
}

/// Replaces, never writes into, a file that a running program may have loaded.
fn copy(build: &Path, library: &str, to: &Path) -> Outcome {
    let from = build.join(format!("{DLL_PREFIX}{library}{DLL_SUFFIX}"));
    let fresh = to.with_extension("new");
    fs::copy(&from, &fresh)
        .and_then(|_| fs::rename(&fresh, to))
        .map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))
}
