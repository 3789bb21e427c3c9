//! What `OpenCode` finds around it: folders of its own, its configuration, its environment.

use serde_json::{Value, json};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// What `OpenCode` finds around it.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Where its own files are.
    pub(super) folder: PathBuf,
    /// Where its process is noted.
    pub(super) pid_file: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
}

/// Nothing may wait for a person who is not there, or reach out of the workspace: what `OpenCode` would ask about by default is refused.
fn permissions() -> Value {
    json!({ "external_directory": "deny", "doom_loop": "deny" })
}

impl Surroundings {
    /// Where the process that runs in `folder` is noted.
    pub(super) fn pid_file(folder: &Path) -> PathBuf {
        folder.join("process.json")
    }

    /// Makes the folders. With a configuration given, `OpenCode` sees nothing of the user's; without one, it has the user's configuration
    /// and credentials, and only its sessions are kept apart.
    pub(super) fn prepare(folder: PathBuf, config: Option<&Value>) -> io::Result<Self> {
        let at = |name: &str| folder.join(name);
        let mut environment: Vec<(&'static str, OsString)> = vec![
            ("XDG_DATA_HOME", at("data").into()),
            ("XDG_STATE_HOME", at("state").into()),
            ("OPENCODE_CONFIG_CONTENT", content(config).to_string().into()),
            ("OPENCODE_ENABLE_QUESTION_TOOL", "1".into()),
            ("OPENCODE_DISABLE_AUTOUPDATE", "1".into()),
            ("OPENCODE_DISABLE_SHARE", "1".into()),
        ];
        for name in ["data/opencode", "state"] {
            std::fs::create_dir_all(at(name))?;
        }
        if let Some(config) = config {
            for (name, place) in [("HOME", "home"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")] {
                std::fs::create_dir_all(at(place))?;
                environment.push((name, at(place).into()));
            }
            if is_whole(config) {
                // Every model stands in the configuration: no list of models is fetched, no plugin, no language server.
                std::fs::write(at("models.json"), "{}")?;
                environment.push(("OPENCODE_MODELS_PATH", at("models.json").into()));
                for name in [
                    "OPENCODE_DISABLE_MODELS_FETCH",
                    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
                    "OPENCODE_DISABLE_LSP_DOWNLOAD",
                ] {
                    environment.push((name, "1".into()));
                }
            }
        } else {
            share_credentials(&at("data/opencode/auth.json"));
        }
        Ok(Self { pid_file: Self::pid_file(&folder), folder, environment })
    }
}

/// The configuration, with what a server needs where it says nothing itself.
fn content(config: Option<&Value>) -> Value {
    let mut content = json!({ "share": "disabled", "autoupdate": false, "permission": permissions() });
    if let (Some(content), Some(config)) = (content.as_object_mut(), config.and_then(Value::as_object)) {
        for (name, value) in config {
            match (name.as_str(), content.get_mut(name).and_then(Value::as_object_mut), value.as_object()) {
                ("permission", Some(ours), Some(theirs)) => ours.extend(theirs.clone()),
                _ => {
                    content.insert(name.clone(), value.clone());
                }
            }
        }
    }
    content
}

/// Whether the configuration says everything about its models.
fn is_whole(config: &Value) -> bool {
    let providers = config.get("provider").and_then(Value::as_object);
    providers.is_some_and(|providers| {
        !providers.is_empty()
            && providers.values().all(|provider| provider.get("npm").is_some() && provider.get("models").is_some())
    })
}

/// The user's credentials, by a link, so that a token renewed by either is known to both.
fn share_credentials(link: &Path) {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let Some(data) =
        std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home)
    else {
        return;
    };
    let theirs = data.join("opencode/auth.json");
    if theirs != link && std::fs::symlink_metadata(link).is_err() {
        #[cfg(unix)]
        let shared = std::os::unix::fs::symlink(&theirs, link);
        #[cfg(not(unix))]
        let shared = if theirs.is_file() { std::fs::copy(&theirs, link).map(drop) } else { Ok(()) };
        if let Err(error) = shared {
            tracing::warn!(%error, "OpenCode's credentials could not be shared; it runs without them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{content, is_whole};
    use serde_json::json;

    #[test]
    fn what_is_configured_wins_and_what_is_not_is_refused() {
        let config = json!({ "model": "a/b", "permission": { "bash": "ask", "doom_loop": "allow" } });
        let content = content(Some(&config));
        assert_eq!(content["model"], "a/b");
        assert_eq!(content["permission"], json!({ "external_directory": "deny", "doom_loop": "allow", "bash": "ask" }));
        assert!(!is_whole(&config), "its models are listed elsewhere");
        assert!(is_whole(&json!({ "provider": { "p": { "npm": "x", "models": {} } } })));
    }
}
