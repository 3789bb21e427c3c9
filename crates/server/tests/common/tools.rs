//! Programs of others that a test needs, each installed once, below `target`. Where one cannot be, the test says so and is skipped; with
//! `CI` set it fails instead.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

const INSTALL: Duration = Duration::from_secs(180);
const RUN: Duration = Duration::from_secs(120);

/// Runs a program to its end, which it must reach in this time.
pub async fn run(command: &mut Command, time: Duration) -> Result<Output, String> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ended = tokio::time::timeout(time, command.output()).await.map_err(|_| format!("took over {time:?}"))?;
    ended.map_err(|error| error.to_string())
}

/// Says that a test is not run, and why. Where nothing may be left out it fails.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    super::skipped(why);
}

/// A folder in which these commands were run to a good end, now or before. `None`: the test is to be skipped.
pub async fn installed(name: &str, what: &str, commands: impl FnOnce(&Path) -> Vec<Command>) -> Option<PathBuf> {
    // Two tests may want the same.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _held = ONE_AT_A_TIME.lock().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let whole = folder.join("whole");
    // What was installed is what is wanted: another version is another text.
    if std::fs::read_to_string(&whole).is_ok_and(|found| found == what) {
        return Some(folder);
    }
    // An install that was cut short leaves a folder that looks complete.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for mut command in commands(&folder) {
        let why = match run(&mut command, INSTALL).await {
            Ok(output) if output.status.success() => continue,
            Ok(output) => {
                String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it said nothing").to_owned()
            }
            Err(why) => why,
        };
        skip(&format!("{what} cannot be installed: {why}"));
        return None;
    }
    std::fs::write(whole, what).unwrap();
    Some(folder)
}

/// A Python with one package from PyPI, and the folder of its programs.
pub async fn python(name: &str, package: &str) -> Option<PathBuf> {
    let install = |folder: &Path| {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(folder);
        let mut install = Command::new(folder.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]);
        vec![make, install]
    };
    Some(installed(name, &format!("{package} (PyPI)"), install).await?.join("bin"))
}

/// A package of Debian's, unpacked. Nobody needs to be root for it, but to fetch the lists of packages where there are none yet.
pub async fn debian(package: &str) -> Option<PathBuf> {
    let install = |folder: &Path| {
        let get = format!("apt-get download --quiet {package}");
        let script = format!("{{ {get} || {{ apt-get update --quiet && {get}; }}; }} && dpkg -x {package}_*.deb .");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(folder);
        vec![shell]
    };
    installed(package, &format!("{package} (apt)"), install).await
}

/// A script of `tests/live`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/live").join(name)
}

/// Runs a script of `tests/live` against a server; it says `ok` where all is well.
pub async fn says_ok(program: &mut Command, name: &str, arguments: &[&str]) {
    let output = run(program.arg(script(name)).args(arguments), RUN).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim() == "ok", "{out}\n{err}");
}
