//! The pinned OpenCode, installed from npm into the user's cache folder, once.

use crate::{Outcome, process};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The version the captures and the tests are made with.
pub(crate) const VERSION: &str = "1.18.33";

/// 355 MB; ten seconds on a good line.
const INSTALL: Duration = Duration::from_secs(300);

/// The program, installed if need be.
pub(crate) fn program() -> Outcome<PathBuf> {
    let folder = cache()?.join(format!("opencode-{VERSION}"));
    let program = folder.join("node_modules/.bin/opencode");
    let whole = folder.join("installed");
    if whole.exists() && program.exists() {
        return Ok(program);
    }
    println!("installing opencode-ai@{VERSION} into {} (355 MB, once)", folder.display());
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let install = || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&folder);
        npm.arg(format!("opencode-ai@{VERSION}"));
        npm
    };
    process::run_twice("npm install opencode-ai", install, INSTALL)?;
    if !program.exists() {
        return Err(format!("npm installed no {}", program.display()));
    }
    // Only now: an install that was cut short leaves a folder that looks complete.
    fs::write(&whole, VERSION).map_err(|error| format!("cannot write {}: {error}", whole.display()))?;
    Ok(program)
}

fn cache() -> Outcome<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("turnwire"))
        .ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is set: where is OpenCode to be kept?".to_owned())
}
