//! The service's address: the base URL, and the prefix its routes begin with.

use crate::error::{Error, Result};
use std::net::IpAddr;
use url::{Host, Url};

/// Reads a base URL. What a route cannot be appended to is refused: the request would go elsewhere, the key with it.
pub(super) fn parse_base(text: &str) -> Result<Url> {
    let invalid = |why: &str| {
        Error::new("invalid_argument", format!("The base URL {why}; give one such as http://127.0.0.1:2728."))
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(invalid("is empty"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(invalid("holds a space, a line break or a backslash"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(invalid("has no scheme"));
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(invalid("is no http or https URL"));
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(invalid("names no host"));
    }
    let url = Url::parse(text).map_err(|error| invalid("is no URL").with_source(error))?;
    if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
        return Err(invalid("holds a user name or password; pass the key as api_key"));
    }
    if url.query().is_some() {
        return Err(invalid("holds a query; pass it by the query option"));
    }
    if url.fragment().is_some() {
        return Err(invalid("holds a fragment"));
    }
    if rest.split('/').skip(1).any(is_step) {
        return Err(invalid("holds . or .. in its path"));
    }
    if url.port() == Some(0) {
        return Err(invalid("has port 0, where nothing listens"));
    }
    Ok(url)
}

/// The prefix with one slash before it and none behind; empty where the routes begin at the base URL.
pub(super) fn parse_prefix(text: &str) -> Result<String> {
    let invalid = |why: &str| {
        Error::new(
            "invalid_argument",
            format!("The prefix {why}; give a path such as /agent/v2/chat, or an empty one."),
        )
    };
    let path = text.trim_matches('/');
    if path.contains(['?', '#']) {
        return Err(invalid("holds a query or a fragment"));
    }
    if path.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(invalid("holds a space, a line break or a backslash"));
    }
    if path.contains("://") {
        return Err(invalid("is a whole URL; that is the base URL's place"));
    }
    if !path.is_empty() && path.split('/').any(|segment| segment.is_empty() || is_step(segment)) {
        return Err(invalid("holds an empty segment, . or .."));
    }
    Ok(if path.is_empty() { String::new() } else { format!("/{path}") })
}

/// The parser takes these for steps, also where they are written with percent signs.
fn is_step(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Whether a URL leads to this machine and nowhere else.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            // As /etc/hosts of Debian and its kin names ::1 too.
            ["localhost", "ip6-localhost", "ip6-loopback"].contains(&name) || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => is_own(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_own(IpAddr::V6(ip)),
        None => false,
    }
}

/// Addresses of loopback, and the unspecified one, by which a connection reaches this machine too.
fn is_own(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_in_every_spelling() {
        for local in [
            "127.0.0.1",
            "127.8.9.1",
            "127.1",
            "0x7f000001",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "ip6-localhost",
            "0.0.0.0",
            "[::]",
        ] {
            assert!(is_loopback(&Url::parse(&format!("http://{local}:1")).unwrap()), "{local}");
        }
        for far in ["128.0.0.1", "[::2]", "[::ffff:10.0.0.1]", "localhost.example", "notlocalhost", "127.0.0.1.example"]
        {
            assert!(!is_loopback(&Url::parse(&format!("http://{far}:1")).unwrap()), "{far}");
        }
    }
}
