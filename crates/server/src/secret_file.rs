//! Files that hold a secret: read only where nobody else may read them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// No key is longer; what is, is another file.
const LARGEST: u64 = 1 << 20;

/// Reads a file that holds a secret, such as a key.
///
/// # Errors
/// It cannot be read, or others than its owner may read it. (One of root's may be read by a group, so that it can be handed to
/// the user a service runs as.) On Windows that is not looked at.
pub fn read_secret(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if is_shared(&file)? {
        let path = path.display();
        let why =
            format!("other users may read {path}, which holds a secret; make it yours alone with `chmod 600 {path}`");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    // Some editors begin a text with a mark that is none of it.
    match text.strip_prefix('\u{feff}').filter(|rest| !rest.is_empty()) {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

#[cfg(unix)]
fn is_shared(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let about = file.metadata()?;
    if about.is_file() && about.len() == 0 {
        // There is no secret in it.
        return Ok(false);
    }
    let roots = about.uid() == 0 && !rustix::process::geteuid().is_root();
    Ok(about.mode() & if roots { 0o037 } else { 0o077 } != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &File) -> io::Result<bool> {
    Ok(false)
}
