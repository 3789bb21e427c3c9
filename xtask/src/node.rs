//! The Node package, made from its TypeScript.

use crate::{Outcome, process, root};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const INSTALL: Duration = Duration::from_secs(300);

/// What a package needs, and the compiler.
pub(crate) fn build() -> Outcome {
    install(&root().join("npm"))?;
    process::run("npm run build", npm().args(["run", "--silent", "build"]), INSTALL)?;
    link()
}

/// `npm ci` in a folder, where its lock file changed since the last one.
pub(crate) fn install(folder: &Path) -> Outcome {
    let modified = |name: &str| std::fs::metadata(folder.join(name)).and_then(|meta| meta.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    let install = || {
        let mut npm = npm();
        npm.current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        npm
    };
    process::run_twice("npm ci", install, INSTALL)
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
