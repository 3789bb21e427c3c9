//! The Node package, made from its TypeScript.

use crate::{Outcome, process, root};
use std::process::Command;
use std::time::Duration;

const INSTALL: Duration = Duration::from_secs(300);

/// `npm ci`, where the lock file changed since the last one, and the compiler.
pub(crate) fn build() -> Outcome {
    let installed = root().join("npm/node_modules/.package-lock.json");
    let lock = root().join("npm/package-lock.json");
    let modified = |path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    if modified(&installed) < modified(&lock) || modified(&installed).is_none() {
        let install = || {
            let mut npm = npm();
            npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            npm
        };
        process::run_twice("npm ci", install, INSTALL)?;
    }
    process::run("npm run build", npm().args(["run", "--silent", "build"]), INSTALL)?;
    link()
}

/// `node_modules/turnwire` at the root, so that the examples import the package by its name, as its users do.
fn link() -> Outcome {
    let modules = root().join("node_modules");
    let link = modules.join("turnwire");
    if link.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&modules).map_err(|error| format!("cannot make {}: {error}", modules.display()))?;
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink("../npm", &link);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_dir("..\\npm", &link);
    made.map_err(|error| format!("cannot link {}: {error}", link.display()))
}

/// npm, in the package.
pub(crate) fn npm() -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(root().join("npm"));
    npm
}
