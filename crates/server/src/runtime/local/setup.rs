//! The setup of an `OpenCode` process: its folders, its configuration, its environment.

use super::{environment, guard};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The variable with the whole configuration of `OpenCode`.
const CONTENT: &str = "OPENCODE_CONFIG_CONTENT";

/// The operator's settings for every `OpenCode` process.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Its whole configuration; without it `OpenCode` uses the user's.
    pub(crate) config: Option<Value>,
    /// The folder of the workspaces.
    pub(crate) workspaces: PathBuf,
    /// Whether the files of a workspace may configure `OpenCode`.
    pub(crate) project_config: bool,
    /// Variables to pass in addition to those of the lists.
    pub(crate) pass_env: Vec<String>,
    /// Whether to pass the keys of model providers from the environment.
    pub(crate) provider_env: bool,
}

/// The setup of an `OpenCode` process.
#[derive(Debug)]
pub(super) struct Setup {
    /// The folder for its files.
    pub(super) folder: PathBuf,
    /// The file with its process id.
    pub(super) pid_file: PathBuf,
    /// The script that runs before any of its own code.
    pub(super) preload: PathBuf,
    /// Its environment; nothing else is inherited. Other processes may read it.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// Variables that it receives once it is protected from other processes: its configuration, keys of model providers.
    pub(super) secrets: Vec<(String, String)>,
}

/// Denies what `OpenCode` would ask a person about by default, because nobody may be there to answer, and access outside the workspace.
fn permissions() -> Value {
    json!({ "external_directory": "deny", "doom_loop": "deny" })
}

impl Setup {
    /// The file with the id of the process that runs in `folder`.
    pub(super) fn pid_file(folder: &Path) -> PathBuf {
        folder.join("process.json")
    }

    /// Creates the folders. With a configuration, `OpenCode` ignores the user's. Without one, it uses the user's configuration and
    /// credentials, and only its sessions are separate.
    pub(super) fn prepare(folder: PathBuf, settings: &Settings) -> io::Result<Self> {
        let at = |name: &str| folder.join(name);
        for name in ["data/opencode", "state"] {
            std::fs::create_dir_all(at(name))?;
        }
        let config = settings.config.as_ref();
        let mut content = content(settings);
        let mut environment = environment::handed_on(std::env::vars_os(), &settings.pass_env, settings.provider_env);
        let mut secrets = environment::take_hidden(&mut environment, &settings.pass_env);
        // Even if the operator names them: the first would disable our plugin, and the second is set below.
        environment.retain(|(name, _)| name != "OPENCODE_PURE" && name != CONTENT);
        // Set after the inherited variables, so that these take precedence.
        let mut set = |name: &str, value: OsString| {
            environment.retain(|(other, _)| other != name);
            environment.push((name.into(), value));
        };
        set("XDG_DATA_HOME", at("data").into());
        set("XDG_STATE_HOME", at("state").into());
        for name in ["OPENCODE_ENABLE_QUESTION_TOOL", "OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_SHARE"] {
            set(name, "1".into());
        }
        if !settings.project_config {
            // Skills have a separate switch.
            for name in ["OPENCODE_DISABLE_PROJECT_CONFIG", "OPENCODE_DISABLE_EXTERNAL_SKILLS"] {
                set(name, "1".into());
            }
        }
        let theirs = if let Some(config) = config {
            for (name, place) in [("HOME", "home"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")] {
                std::fs::create_dir_all(at(place))?;
                set(name, at(place).into());
            }
            if is_whole(config) {
                // The configuration has every model, so nothing is downloaded: no list of models, plugin or language server.
                std::fs::write(at("models.json"), "{}")?;
                set("OPENCODE_MODELS_PATH", at("models.json").into());
                for name in [
                    "OPENCODE_DISABLE_MODELS_FETCH",
                    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
                    "OPENCODE_DISABLE_LSP_DOWNLOAD",
                ] {
                    set(name, "1".into());
                }
            }
            None
        } else {
            share_credentials(&at("data/opencode/auth.json"));
            home_of("XDG_CONFIG_HOME", ".config").filter(|home| !is_empty(&home.join("opencode")))
        };
        let guarded = theirs.as_deref().is_none_or(guard::has_package);
        if theirs.is_none() {
            guard::seed(&at("config"))?;
            set("XDG_CONFIG_HOME", at("config").into());
        }
        if guarded {
            let workspaces = (!settings.project_config).then_some(settings.workspaces.as_path());
            add_plugin(&mut content, guard::write(&folder, &settings.pass_env, workspaces)?);
        } else {
            tracing::warn!(
                "OpenCode has not yet installed its plugins' package beside your configuration, so it cannot load this server's \
                 plugin, which refuses code that a workspace brings, and gives MCP servers the keys that their configuration \
                 names; run `opencode` once, then start this server again"
            );
        }
        secrets.push((CONTENT.to_owned(), content.to_string()));
        let preload = guard::write_preload(&folder, &settings.pass_env)?;
        Ok(Self { pid_file: Self::pid_file(&folder), preload, folder, environment, secrets })
    }
}

/// Whether the folder is empty or missing.
fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) || !folder.exists()
}

/// Puts our plugin before the operator's.
fn add_plugin(content: &mut Value, plugin: String) {
    match content.get_mut("plugin").and_then(Value::as_array_mut) {
        Some(plugins) => plugins.insert(0, plugin.into()),
        None => content["plugin"] = json!([plugin]),
    }
}

/// The configuration, with the server's defaults for settings that it does not have.
fn content(settings: &Settings) -> Value {
    let mut content = json!({ "share": "disabled", "autoupdate": false, "permission": permissions() });
    if settings.config.is_some() && !settings.project_config {
        // Both run programs that they find in a workspace.
        content["formatter"] = json!(false);
        content["lsp"] = json!(false);
    }
    let config = settings.config.as_ref().and_then(Value::as_object);
    if let (Some(content), Some(config)) = (content.as_object_mut(), config) {
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

/// Whether the configuration defines all its models.
fn is_whole(config: &Value) -> bool {
    let providers = config.get("provider").and_then(Value::as_object);
    providers.is_some_and(|providers| {
        !providers.is_empty()
            && providers.values().all(|provider| provider.get("npm").is_some() && provider.get("models").is_some())
    })
}

/// A folder of the user, by the XDG specification.
fn home_of(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(otherwise)))
}

/// Shares the user's credentials by a link, so that a token renewed by either is available to both.
fn share_credentials(link: &Path) {
    let Some(data) = home_of("XDG_DATA_HOME", ".local/share") else { return };
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
    #![allow(clippy::unwrap_used)]
    use super::{Settings, Setup, add_plugin, content, is_whole};
    use serde_json::{Value, json};
    use std::ffi::OsString;

    fn settings(config: Value) -> Settings {
        Settings {
            config: Some(config),
            workspaces: "/workspaces".into(),
            project_config: false,
            pass_env: Vec::new(),
            provider_env: true,
        }
    }

    #[test]
    fn what_is_configured_wins_and_what_is_not_is_refused() {
        let config = json!({ "model": "a/b", "permission": { "bash": "ask", "doom_loop": "allow" }, "lsp": true });
        let content = content(&settings(config.clone()));
        assert_eq!(content["model"], "a/b");
        assert_eq!(content["permission"], json!({ "external_directory": "deny", "doom_loop": "allow", "bash": "ask" }));
        assert_eq!((&content["formatter"], &content["lsp"]), (&json!(false), &json!(true)));
        assert!(!is_whole(&config), "its models are listed elsewhere");
        assert!(is_whole(&json!({ "provider": { "p": { "npm": "x", "models": {} } } })));
    }

    #[test]
    fn the_operators_plugins_stay() {
        let mut content = json!({ "plugin": ["theirs"] });
        add_plugin(&mut content, "ours".to_owned());
        assert_eq!(content["plugin"], json!(["ours", "theirs"]));
    }

    #[test]
    fn a_workspace_configures_opencode_only_where_the_operator_allows_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(json!({}));
        for allowed in [false, true] {
            settings.project_config = allowed;
            let made = Setup::prepare(folder.path().to_owned(), &settings).unwrap();
            for name in ["OPENCODE_DISABLE_PROJECT_CONFIG", "OPENCODE_DISABLE_EXTERNAL_SKILLS"] {
                let off = (OsString::from(name), OsString::from("1"));
                assert_eq!(made.environment.contains(&off), !allowed, "{name}");
            }
        }
    }
}
