//! The virtual environment of the Python tests.

use crate::{Outcome, process, root};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const INSTALL: Duration = Duration::from_secs(300);

/// Python with what the tests need, in `.venv`.
pub(crate) fn with_packages() -> Outcome<PathBuf> {
    environment(&root().join(".venv"), &root().join("python/requirements-test.txt"))
}

/// Python with the packages of a list, in a folder of its own that is made anew when the list changes.
pub(crate) fn environment(venv: &Path, wanted: &Path) -> Outcome<PathBuf> {
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let wants = fs::read_to_string(wanted).map_err(|error| format!("cannot read {}: {error}", wanted.display()))?;
    let has = venv.join("requirements.txt");
    if python.exists() && fs::read_to_string(&has).is_ok_and(|has| has == wants) {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(venv);
    let mut make = Command::new(system());
    make.args(["-m", "venv"]).arg(venv);
    process::run("python3 -m venv", &mut make, INSTALL)?;
    let install = || {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
        pip.arg(wanted);
        pip
    };
    process::run_twice("pip install", install, INSTALL)?;
    fs::write(&has, wants).map_err(|error| format!("cannot write {}: {error}", has.display()))?;
    Ok(python)
}

/// The Python that is there anyway; the package itself needs nothing else.
pub(crate) fn system() -> &'static str {
    if cfg!(windows) { "python" } else { "python3" }
}

/// A Python that finds the package in the source tree.
pub(crate) fn command(python: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(python);
    command.current_dir(root()).env("PYTHONPATH", root().join("python")).env("PYTHONUNBUFFERED", "1");
    command
}
