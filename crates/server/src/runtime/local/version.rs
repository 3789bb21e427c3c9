//! Versions of `OpenCode` that are not supported, and why.

use super::setup::Setup;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// So long a program may take to say its version.
const ANSWER: Duration = Duration::from_secs(5);

/// The supported versions, and how to install one.
pub(super) const SUPPORTED: &str = "OpenCode 1.1 or newer, before 2, is supported: install it with `npm install -g opencode-ai@1`, or name it with --opencode.";

/// Why this version is refused; `None` if it is supported.
pub(super) fn refused(version: &str) -> Option<String> {
    let why = match numbers(version)? {
        // A development build without a release number is accepted.
        [0, 0, 0] => return None,
        [0, ..] | [1, 0, _] => "it takes orders from any program on this machine, whatever password it was given",
        [1, ..] => return None,
        _ => "from version 2 on its API is another one, which this server does not speak",
    };
    Some(format!("OpenCode {} is not used: {why}. {SUPPORTED}", version.trim()))
}

/// Its numbers, wherever they stand in what it calls itself: `1.18.33`, `v1.18.33`, `opencode 2.0.0-beta.1`.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let from = version.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = version[from..].split(|c: char| !c.is_ascii_digit() && c != '.').next()?.split('.');
    let mut number = || numbers.next().map(|number| number.parse::<u32>().ok());
    Some([number()??, number()??, number().flatten().unwrap_or(0)])
}

/// The version that a program prints, for one whose API does not answer as expected.
pub(super) async fn of_program(program: &Path, setup: &Setup) -> Option<String> {
    let mut command = Command::new(program);
    // It sees no more of the server than it does when it works.
    command.env_clear().envs(setup.environment.iter().map(|(name, value)| (name, value)));
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(ANSWER, command.output()).await.ok()?.ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().map(str::trim).find(|line| numbers(line).is_some()).map(super::reason::said)
}

#[cfg(test)]
mod tests {
    use super::{SUPPORTED, refused};

    #[test]
    fn known_bad_versions_are_refused_with_a_reason_and_unknown_ones_are_not() {
        for bad in ["1.0.185", "0.15.3", "1.0.0", "v1.0.185", "opencode 0.3.1", "1.0"] {
            assert!(refused(bad).is_some_and(|why| why.contains(bad) && why.contains("password")), "{bad}");
        }
        for other in ["2.0.0", "2.1.0-beta.3", "v2.0.1", "opencode/3.0.0", "10.2.0"] {
            let why = refused(other).unwrap_or_default();
            assert!(why.contains(other) && why.contains("API") && why.ends_with(SUPPORTED), "{other}: {why}");
        }
        for good in [
            "1.1.65",
            "1.18.33",
            "v1.18.33",
            "opencode 1.18.33",
            "1.14.41-beta.1",
            "0.0.0-dev",
            "0.0.0-dev-202611250101",
            "v0.0.0",
            "local",
            "unknown",
            "dev",
            "",
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
    }
}
