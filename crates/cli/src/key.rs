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
        Ok(key) if !key.trim().is_empty() => return load(&file),
        Ok(blank) if !blank.is_empty() => {
            let why = "it holds no key; delete it, and a new one is made";
            return Err(problem("cannot use the key in", std::io::Error::other(why)));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(problem("cannot use the key in", error)),
    }
    private_folder(data).map_err(|error| problem("cannot make the folder of", error))?;
    let key = new_key()?;
    // Written under a name of its own first, so that nobody ever reads half a key, and readable by its owner from the start.
    let draft = data.join(format!("api-key.{}", random_hex::<8>()?));
    let written = private_file(&draft).and_then(|mut file| {
        writeln!(file, "{key}")?;
        file.sync_all()
    });
    let kept = written.and_then(|()| keep(&draft, &file));
    // By now it has its other name too, or is not wanted.
    let _ = std::fs::remove_file(&draft);
    match kept {
        Ok(true) => Ok(Key { key, made: Some(file) }),
        // Another start was first, and its key is the one that clients find.
        Ok(false) => load_or_make(data),
        Err(error) => Err(problem("cannot keep the key in", error)),
    }
}

/// Gives the draft the file's name too. `false`: there is such a file, with another key.
fn keep(draft: &Path, file: &Path) -> std::io::Result<bool> {
    if std::fs::metadata(file).is_ok_and(|about| about.len() == 0) {
        std::fs::remove_file(file)?;
    }
    match std::fs::hard_link(draft, file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        // A disk without links.
        Err(_) => std::fs::rename(draft, file).map(|()| true),
    }
}

/// The key in a file that was named.
pub(crate) fn load(file: &Path) -> Result<Key, Stop> {
    let problem = |why: String| Stop::failed(format!("cannot use the key in {}: {why}", file.display()));
    let key = read_secret(file).map_err(|error| problem(error.to_string()))?;
    if key.trim().is_empty() {
        return Err(problem("the file is empty".to_owned()));
    }
    let key = checked(&key).map_err(|why| problem(why.to_owned()))?;
    Ok(Key { key: key.to_owned(), made: None })
}

/// A key as clients can send it: one line, without the white space around it.
pub(crate) fn checked(key: &str) -> Result<&str, &'static str> {
    let key = key.trim();
    if key.contains(['\n', '\r']) {
        return Err("it holds several lines, and a key is one; leave the others out");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a key is letters, digits and signs of ASCII, without a space: no header of HTTP carries another");
    }
    Ok(key)
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
    options.write(true).create_new(true);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::load_or_make;

    #[test]
    fn of_several_first_starts_at_once_all_have_the_key_that_is_kept() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("new/data");
            let together = std::sync::Barrier::new(6);
            let keys: Vec<_> = std::thread::scope(|scope| {
                let start = || {
                    together.wait();
                    load_or_make(&data).unwrap_or_else(|_| panic!("no key"))
                };
                let starts: Vec<_> = (0..6).map(|_| scope.spawn(start)).collect();
                starts.into_iter().map(|start| start.join().unwrap()).collect()
            });
            let kept = std::fs::read_to_string(data.join("api-key")).unwrap();
            assert!(keys.iter().all(|key| key.key == kept.trim()), "a start has another key than clients find");
            assert_eq!(keys.iter().filter(|key| key.made.is_some()).count(), 1, "one of them made it");
            assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "no drafts are left");
        }
    }

    #[test]
    fn a_key_is_one_line_whatever_wrote_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let load = |text: &str| {
            std::fs::write(&file, text).unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            match super::load(&file) {
                Ok(key) => Ok(key.key),
                Err(crate::Stop::Failed(said, _)) => Err(said),
                Err(crate::Stop::Code(code)) => panic!("nothing is said with {code}"),
            }
        };
        for text in ["tw_key", "tw_key\n", "tw_key\r\n", "\u{feff}tw_key\r\n", " tw_key \n\n"] {
            assert_eq!(load(text).as_deref(), Ok("tw_key"), "{text:?}");
        }
        for (text, why) in [
            ("tw_key\ntw_other\n", "several lines"),
            ("tw_key\r\n# of anna\r\n", "several lines"),
            ("tw key", "without a space"),
            ("tw_ké", "of ASCII"),
            ("\u{feff}\r\n", "is empty"),
            ("", "is empty"),
        ] {
            let said = load(text).unwrap_err();
            assert!(said.contains(why) && !said.contains("tw_"), "{text:?}: {said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_stored_key_that_is_blank_is_told_and_not_looked_for_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("api-key");
        for blank in ["\n", " \r\n", "\u{feff}", "\u{feff}\n"] {
            std::fs::write(&file, blank).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            assert!(load_or_make(folder.path()).is_err(), "{blank:?}");
        }
    }

    #[test]
    fn an_empty_file_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("api-key"), "").unwrap();
        let made = load_or_make(folder.path()).unwrap_or_else(|_| panic!("no key"));
        assert_eq!(std::fs::read_to_string(folder.path().join("api-key")).unwrap().trim(), made.key);
    }
}
