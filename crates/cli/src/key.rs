//! The server's key, where none was given.

use crate::Stop;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use turnwire_server::read_secret;

pub(crate) struct Key {
    pub(crate) key: String,
    /// The file it was written to, if it was made just now.
    pub(crate) made: Option<PathBuf>,
}

/// The key kept in the data folder; the first time, a new one.
pub(crate) fn load_or_make(data: &Path) -> Result<Key, Stop> {
    let file = data.join("api-key");
    let problem = |what: &str, error: std::io::Error| Stop::failed(format!("{what} {}: {error}", file.display()));
    match read_secret(&file) {
        Ok(key) if !key.trim().is_empty() => return Ok(Key { key: key.trim().to_owned(), made: None }),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(problem("cannot use the key in", error)),
    }
    private_folder(data).map_err(|error| problem("cannot make the folder of", error))?;
    let key = new_key()?;
    // Written under another name first, so that nobody ever reads half a key, and readable by its owner from the start.
    let draft = data.join(format!("api-key.{}", std::process::id()));
    let written = private_file(&draft).and_then(|mut file| {
        writeln!(file, "{key}")?;
        file.sync_all()
    });
    let kept = written.and_then(|()| std::fs::rename(&draft, &file));
    if let Err(error) = kept {
        let _ = std::fs::remove_file(&draft);
        return Err(problem("cannot keep the key in", error));
    }
    Ok(Key { key, made: Some(file) })
}

/// The key in a file that was named.
pub(crate) fn load(file: &Path) -> Result<Key, Stop> {
    let problem = |why: String| Stop::failed(format!("cannot use the key in {}: {why}", file.display()));
    let key = read_secret(file).map_err(|error| problem(error.to_string()))?;
    if key.trim().is_empty() {
        return Err(problem("the file is empty".to_owned()));
    }
    Ok(Key { key: key.trim().to_owned(), made: None })
}

/// What is said in chats is kept there too: for its owner only.
fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A key nobody guesses.
pub(crate) fn new_key() -> Result<String, Stop> {
    Ok(format!("tw_{}", random_hex::<32>()?))
}

/// `N` random bytes in hex.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Stop> {
    use std::fmt::Write as _;
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Stop::failed(format!("this system gives no random numbers: {error}")))?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
