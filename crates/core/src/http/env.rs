//! The address and the key of a client that is created without them.

use super::Secret;
use std::env;
use std::path::PathBuf;

/// Where `turnwire serve` listens by default.
pub(crate) const LOCAL: &str = "http://127.0.0.1:2728";
const HOSTED: &str = "https://api.case.dev";

/// An address and the key that belongs to it. Both come from one family, so that a key is never sent to another family's address.
pub(crate) struct Family {
    pub(crate) base_url: String,
    pub(crate) api_key: Option<Secret>,
}

fn var(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

impl Family {
    /// `TURNWIRE_*` if either is set, else `CASEDEV_*` if either is set, else the local server.
    pub(crate) fn from_env() -> Self {
        Self::choose(var)
    }

    fn choose(var: impl Fn(&str) -> Option<String>) -> Self {
        let family = |key: &str, url: &str| {
            let (key, url) = (var(key), var(url));
            (key.is_some() || url.is_some()).then_some((key, url))
        };
        if let Some((key, url)) = family("TURNWIRE_API_KEY", "TURNWIRE_BASE_URL") {
            return Self { base_url: url.unwrap_or_else(|| LOCAL.to_owned()), api_key: key.map(Secret::from) };
        }
        if let Some((key, url)) = family("CASEDEV_API_KEY", "CASEDEV_BASE_URL") {
            return Self { base_url: url.unwrap_or_else(|| HOSTED.to_owned()), api_key: key.map(Secret::from) };
        }
        Self { base_url: LOCAL.to_owned(), api_key: None }
    }
}

/// The file `turnwire serve` keeps the key in that it made: `api-key` in `$TURNWIRE_DATA`, else in
/// `$XDG_DATA_HOME/turnwire`, else in `~/.local/share/turnwire` (Windows: `%LOCALAPPDATA%\turnwire`). `None` where no
/// home folder is known.
pub fn local_key_file() -> Option<PathBuf> {
    let folder = if let Some(data) = var("TURNWIRE_DATA") {
        PathBuf::from(data)
    } else if let Some(data) = var("XDG_DATA_HOME") {
        PathBuf::from(data).join("turnwire")
    } else if cfg!(windows) {
        PathBuf::from(var("LOCALAPPDATA")?).join("turnwire")
    } else {
        PathBuf::from(var("HOME")?).join(".local/share/turnwire")
    };
    Some(folder.join("api-key"))
}

/// The local server's own key, if it made one here.
pub(crate) fn stored_key() -> Option<Secret> {
    let key = std::fs::read_to_string(local_key_file()?).ok()?;
    Some(key.trim()).filter(|key| !key.is_empty()).map(Secret::from)
}

#[cfg(test)]
mod tests {
    use super::{Family, HOSTED, LOCAL};

    fn chosen(vars: &[(&str, &str)]) -> (String, Option<String>) {
        let family = Family::choose(|name| vars.iter().find(|(var, _)| *var == name).map(|(_, v)| (*v).to_owned()));
        (family.base_url, family.api_key.map(|key| key.expose().to_owned()))
    }

    /// PROTOCOL AUTH-7.
    #[test]
    fn a_key_never_meets_an_address_of_another_family() {
        assert_eq!(chosen(&[]), (LOCAL.into(), None));
        assert_eq!(chosen(&[("CASEDEV_API_KEY", "k")]), (HOSTED.into(), Some("k".into())));
        assert_eq!(chosen(&[("TURNWIRE_API_KEY", "t"), ("CASEDEV_API_KEY", "k")]), (LOCAL.into(), Some("t".into())));
        assert_eq!(chosen(&[("TURNWIRE_BASE_URL", "http://h"), ("CASEDEV_API_KEY", "k")]), ("http://h".into(), None));
        assert_eq!(chosen(&[("CASEDEV_BASE_URL", "http://c"), ("CASEDEV_API_KEY", "k")]).1, Some("k".into()));
    }
}
