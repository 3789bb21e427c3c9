//! The variables of the server's environment that `OpenCode` inherits: those on a list, and those the operator names. No other
//! variable may reach an agent that runs shell commands.

use std::ffi::{OsStr, OsString};

/// The variables that programs need to run, to find their tools, for the user's language, and to reach the network.
const SYSTEM: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "COLORTERM",
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "LD_LIBRARY_PATH",
    "NIX_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
    // A proxy, and whom to trust.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NIX_SSL_CERT_FILE",
    "PIP_CERT",
    // Locations of toolchains.
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PNPM_HOME",
    "VOLTA_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    // Windows.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "USERPROFILE",
    "USERNAME",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "HOMEDRIVE",
    "HOMEPATH",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
];

/// The variables with keys and addresses of model providers, for `OpenCode` but not for its shells.
const PROVIDERS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "OPENROUTER_API_KEY",
    "OPENCODE_API_KEY",
    "AI_GATEWAY_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "TOGETHER_API_KEY",
    "FIREWORKS_API_KEY",
    "CEREBRAS_API_KEY",
    "COHERE_API_KEY",
    "PERPLEXITY_API_KEY",
    "DEEPINFRA_API_KEY",
    "BASETEN_API_KEY",
    "NVIDIA_API_KEY",
    "MOONSHOT_API_KEY",
    "ZHIPU_API_KEY",
    "DASHSCOPE_API_KEY",
    "MINIMAX_API_KEY",
    "VENICE_API_KEY",
    "HF_TOKEN",
    "AZURE_API_KEY",
    "AZURE_RESOURCE_NAME",
    "AZURE_COGNITIVE_SERVICES_API_KEY",
    "AZURE_COGNITIVE_SERVICES_RESOURCE_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_PROFILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_VERTEX_PROJECT",
    "GOOGLE_VERTEX_LOCATION",
    "VERTEX_LOCATION",
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_API_KEY",
    "CLOUDFLARE_GATEWAY_ID",
];

fn same(left: &str, right: &str) -> bool {
    if cfg!(windows) { left.eq_ignore_ascii_case(right) } else { left == right }
}

fn is_in<T: AsRef<str>>(list: &[T], name: &str) -> bool {
    list.iter().any(|listed| same(listed.as_ref(), name))
}

/// The variables of `from` to pass on. `more`: further names from the operator; `providers`: includes the keys of providers.
pub(super) fn handed_on(
    from: impl Iterator<Item = (OsString, OsString)>,
    more: &[String],
    providers: bool,
) -> Vec<(OsString, OsString)> {
    from.filter(|(name, _)| {
        let Some(name) = OsStr::to_str(name) else { return false };
        name.starts_with("LC_") || is_in(SYSTEM, name) || is_in(more, name) || (providers && is_in(PROVIDERS, name))
    })
    .collect()
}

/// The variables for `OpenCode` that its child processes do not get. Names from the operator are meant for both.
pub(super) fn hidden(more: &[String]) -> Vec<&'static str> {
    PROVIDERS.iter().copied().filter(|name| !is_in(more, name)).collect()
}

/// Removes the hidden variables from an environment and returns them as text; a value that is not text is dropped.
pub(super) fn take_hidden(environment: &mut Vec<(OsString, OsString)>, more: &[String]) -> Vec<(String, String)> {
    let hidden = hidden(more);
    let is_hidden = |name: &OsString| name.to_str().is_some_and(|name| is_in(&hidden, name));
    let taken = environment.extract_if(.., |(name, _)| is_hidden(name));
    taken.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::{handed_on, hidden, take_hidden};

    fn names(variables: &[&str], more: &[&str], providers: bool) -> Vec<String> {
        let from = variables.iter().map(|name| ((*name).into(), "value".into()));
        let more: Vec<_> = more.iter().map(|name| (*name).to_owned()).collect();
        handed_on(from, &more, providers).into_iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_is_on_no_list_is_not_handed_on() {
        let found = [
            "PATH",
            "LC_ALL",
            "TURNWIRE_API_KEY",
            "CASEDEV_API_KEY",
            "OPENCODE_CONFIG",
            "OPENCODE_PERMISSION",
            "OPENAI_API_KEY",
            "SSH_AUTH_SOCK",
            "NODE_OPTIONS",
            "LD_PRELOAD",
            "GIT_CONFIG_COUNT",
            "BUN_OPTIONS",
            "MINE",
        ];
        assert_eq!(names(&found, &[], false), ["PATH", "LC_ALL"]);
        assert_eq!(names(&found, &["MINE"], true), ["PATH", "LC_ALL", "OPENAI_API_KEY", "MINE"]);
    }

    #[test]
    fn shells_see_a_providers_key_only_where_the_operator_names_it() {
        assert!(hidden(&[]).contains(&"OPENAI_API_KEY"));
        assert!(!hidden(&["OPENAI_API_KEY".to_owned()]).contains(&"OPENAI_API_KEY"));
        let variable = |name: &str, value: &str| (name.into(), value.into());
        let mut environment =
            vec![variable("PATH", "/bin"), variable("OPENAI_API_KEY", "one"), variable("XAI_API_KEY", "two")];
        let taken = take_hidden(&mut environment, &["XAI_API_KEY".to_owned()]);
        assert_eq!(taken, [("OPENAI_API_KEY".to_owned(), "one".to_owned())]);
        assert_eq!(environment, [variable("PATH", "/bin"), variable("XAI_API_KEY", "two")]);
    }
}
