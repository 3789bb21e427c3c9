//! Which proxy a request goes through, if any.

use super::base::is_loopback;
use super::no_proxy::NoProxy;
use crate::error::{Error, Result};
use std::sync::Arc;
use url::Url;

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The proxies of a client.
#[derive(Clone, Debug)]
pub(super) enum Proxies {
    /// No request goes through one.
    None,
    /// All requests go through this one, as the caller configured.
    All(Url),
    /// The environment determines it.
    Environment(Arc<Environment>),
    /// The environment has no setting: the system's settings, on macOS and Windows.
    System,
}

/// The values of `HTTP_PROXY` and its relatives.
#[derive(Debug)]
pub(super) struct Environment {
    http: Option<Url>,
    https: Option<Url>,
    no_proxy: NoProxy,
}

impl Proxies {
    /// The one the caller names.
    pub(super) fn named(text: &str) -> Result<Self> {
        parse(text).map(Self::All).map_err(|why| {
            Error::new(
                "invalid_argument",
                format!("The proxy {why}; give one such as http://proxy:3128 or socks5h://proxy:1080."),
            )
        })
    }

    /// Those of the environment, for a client of this address.
    ///
    /// # Errors
    /// A variable that names no proxy, where the client would go through it. Without the proxy somebody wanted, nothing is
    /// sent.
    pub(super) fn from_env(base: &Url) -> Result<Self> {
        Self::read(base, |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
    }

    fn read(base: &Url, var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let find = |name: &'static str| {
            // Of two spellings the small one counts, as with curl. A web server hands a program the header `Proxy` of a
            // request, which anybody may send, as HTTP_PROXY: there only the small one can be meant.
            let cgi = name == "HTTP_PROXY" && var("REQUEST_METHOD").is_some();
            var(&name.to_ascii_lowercase()).or_else(|| if cgi { None } else { var(name) }).map(|text| (name, text))
        };
        let no_proxy = find("NO_PROXY").map(|(_, text)| NoProxy::parse(&text)).unwrap_or_default();
        let all = find("ALL_PROXY");
        let http = find("HTTP_PROXY").or_else(|| all.clone());
        let https = find("HTTPS_PROXY").or(all);
        if is_loopback(base) || no_proxy.contains(base) {
            // A redirect of such a service leads to its neighbours, if anywhere.
            let read = |found: Option<(_, String)>| found.and_then(|(_, text)| parse(&text).ok());
            return Ok(Self::Environment(Arc::new(Environment { http: read(http), https: read(https), no_proxy })));
        }
        if http.is_none() && https.is_none() {
            return Ok(Self::System);
        }
        // What a redirect alone would go through is not looked at: such a proxy is passed over.
        let read = |scheme: &str, found: Option<(&'static str, String)>| match found {
            None => Ok(None),
            Some((_, text)) if scheme != base.scheme() => Ok(parse(&text).ok()),
            Some((name, text)) => parse(&text).map(Some).map_err(|why| {
                Error::new(
                    "invalid_argument",
                    format!(
                        "{name} {why}; set it to one such as http://proxy:3128, or name {} in NO_PROXY.",
                        base.host_str().unwrap_or_default()
                    ),
                )
            }),
        };
        Ok(Self::Environment(Arc::new(Environment {
            http: read("http", http)?,
            https: read("https", https)?,
            no_proxy,
        })))
    }

    /// The proxy a request to this address goes through.
    pub(super) fn of(&self, url: &Url) -> Option<&Url> {
        match self {
            Self::None | Self::System => None,
            Self::All(proxy) => Some(proxy),
            Self::Environment(environment) => environment.of(url),
        }
    }

    pub(super) fn apply(&self, http: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        Ok(match self {
            Self::None => http.no_proxy(),
            Self::System => http,
            Self::All(proxy) => http.proxy(reqwest::Proxy::all(proxy.clone()).map_err(|error| {
                Error::new("invalid_argument", "The proxy is no valid URL.").with_source(error.without_url())
            })?),
            Self::Environment(environment) => {
                let environment = environment.clone();
                http.no_proxy().proxy(reqwest::Proxy::custom(move |url| environment.of(url).cloned()))
            }
        })
    }
}

impl Environment {
    /// Requests to this machine never use a proxy, which would learn the local server's key.
    fn of(&self, url: &Url) -> Option<&Url> {
        if is_loopback(url) || self.no_proxy.contains(url) {
            return None;
        }
        if url.scheme() == "https" { self.https.as_ref() } else { self.http.as_ref() }
    }
}

/// Reads a proxy's address; without a scheme it is one of http. The reason of an error never holds the text: a password may
/// stand in it.
fn parse(text: &str) -> Result<Url, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty");
    }
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("is no valid URL");
    }
    let mut url = Url::parse(&text).map_err(|_| "is no valid URL")?;
    if !SCHEMES.contains(&url.scheme()) {
        return Err("is of a kind that is not supported");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    if url.port() == Some(0) || !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("is more than scheme, host and port");
    }
    if url.scheme().starts_with("socks") && url.port().is_none() {
        url.set_port(Some(1080)).map_err(|()| "is no valid URL")?;
    }
    Ok(url)
}

/// A proxy's address without its user and password.
pub(super) fn shown(proxy: &Url) -> String {
    let port = proxy.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", proxy.scheme(), proxy.host_str().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn proxies(base: &str, vars: &[(&str, &str)]) -> Result<Proxies> {
        let var = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
        Proxies::read(&Url::parse(base).unwrap(), |name| var(name).filter(|value| !value.trim().is_empty()))
    }

    fn via(base: &str, vars: &[(&str, &str)]) -> Option<String> {
        proxies(base, vars).unwrap().of(&Url::parse(base).unwrap()).map(shown)
    }

    #[test]
    fn the_variables_are_read_as_other_programs_read_them() {
        let far = "http://service.invalid";
        assert_eq!(via(far, &[("HTTP_PROXY", "http://p:1")]).unwrap(), "http://p:1");
        assert_eq!(via(far, &[("HTTP_PROXY", "p:1")]).unwrap(), "http://p:1", "without a scheme");
        assert_eq!(via(far, &[("HTTP_PROXY", "big:1"), ("http_proxy", "small:1")]).unwrap(), "http://small:1");
        assert_eq!(via(far, &[("http_proxy", " "), ("HTTP_PROXY", "p:1")]).unwrap(), "http://p:1", "empty is absent");
        assert_eq!(via(far, &[("all_proxy", "socks5h://u:p@p")]).unwrap(), "socks5h://p:1080");
        assert_eq!(via(far, &[("HTTPS_PROXY", "p:1")]), None);
        assert_eq!(via("https://service.invalid", &[("https_proxy", "p:1")]).unwrap(), "http://p:1");
        assert_eq!(via("https://service.invalid", &[("HTTP_PROXY", "p:1")]), None);
        assert_eq!(via(far, &[("HTTP_PROXY", "p:1"), ("no_proxy", "*")]), None);
        let cgi = ("REQUEST_METHOD", "GET");
        assert_eq!(via(far, &[("HTTP_PROXY", "p:1"), cgi]), None, "anybody's header");
        assert_eq!(via(far, &[("http_proxy", "p:1"), cgi]).unwrap(), "http://p:1");
    }

    #[test]
    fn loopback_is_never_reached_through_a_proxy_of_the_environment() {
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            for host in ["127.0.0.1:2728", "localhost:2728", "a.localhost", "[::1]", "[::ffff:127.0.0.1]", "127.9.9.9"]
            {
                assert_eq!(via(&format!("http://{host}"), &[(name, "http://p:1")]), None, "{name} {host}");
            }
        }
        // Nor by a redirect from elsewhere; and what is wrong with the variable is not this client's affair.
        let far = proxies("http://service.invalid", &[("HTTP_PROXY", "p:1")]).unwrap();
        assert_eq!(far.of(&Url::parse("http://127.0.0.1").unwrap()), None);
        assert!(proxies("http://127.0.0.1:1", &[("HTTP_PROXY", "gopher://p")]).is_ok());
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_refused_by_name_and_never_shown() {
        for wrong in
            ["gopher://user:secret@p", "http://user:secret@", "http://user:secret@p:99999", "http://p/path", "a b"]
        {
            let error = proxies("http://service.invalid", &[("HTTP_PROXY", wrong)]).unwrap_err();
            assert_eq!(error.code(), "invalid_argument");
            assert!(
                error.message().starts_with("HTTP_PROXY ") && !format!("{error:?}").contains("secret"),
                "{error:?}"
            );
            assert!(Proxies::named(wrong).is_err(), "{wrong}");
        }
    }
}
