//! A plugin of ours in `OpenCode`: the agent's shells do not get what only `OpenCode` needs, above all the password of its API.

use super::environment;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

const CLOSE: &str = include_str!("close.js");
const PLUGIN: &str = include_str!("guard.js");
const PRELOAD: &str = include_str!("preload.js");
/// The package `OpenCode` would install beside its configuration before it loads any plugin.
const PACKAGE: &str = "@opencode-ai/plugin";

/// Writes the plugin into `folder`, and gives its address as a configuration names it. `workspaces`: where no module is loaded from.
pub(super) fn write(folder: &Path, pass_env: &[String], workspaces: Option<&Path>) -> io::Result<String> {
    let workspaces = json!(workspaces.map(Path::to_string_lossy)).to_string();
    let file = folder.join("guard.js");
    std::fs::write(&file, close(pass_env) + &PLUGIN.replace("/* WORKSPACES */ null", &workspaces))?;
    reqwest::Url::from_file_path(&file)
        .map(Into::into)
        .map_err(|()| io::Error::new(io::ErrorKind::InvalidInput, "the data folder's path is not absolute"))
}

/// Writes what `OpenCode` runs before anything of its own, and gives where.
pub(super) fn write_preload(folder: &Path, pass_env: &[String]) -> io::Result<PathBuf> {
    let file = std::path::absolute(folder.join("preload.js"))?;
    std::fs::write(&file, close(pass_env) + PRELOAD)?;
    Ok(file)
}

fn close(pass_env: &[String]) -> String {
    CLOSE.replace("/* HIDDEN */ []", &json!(environment::hidden(pass_env)).to_string())
}

/// Whether the package is there: only then does `OpenCode` load a plugin at once. Without a network it would try for minutes.
pub(super) fn has_package(config_home: &Path) -> bool {
    config_home.join("opencode/node_modules").is_dir()
}

/// Makes a folder of configurations look as if `OpenCode` had installed that package there. Our plugin needs none.
pub(super) fn seed(config_home: &Path) -> io::Result<()> {
    let folder: PathBuf = config_home.join("opencode");
    std::fs::create_dir_all(folder.join("node_modules"))?;
    let needs = json!({ PACKAGE: "*" });
    let lock = json!({ "name": "opencode", "lockfileVersion": 3, "packages": { "": { "dependencies": needs } } });
    for (file, value) in [("package.json", json!({ "dependencies": needs })), ("package-lock.json", lock)] {
        if !folder.join(file).exists() {
            std::fs::write(folder.join(file), value.to_string())?;
        }
    }
    Ok(())
}
