//! `NO_PROXY`, as curl and Go read it: which addresses are reached without a proxy.

use ipnet::IpNet;
use std::net::IpAddr;
use url::{Host, Url};

/// The addresses that are reached directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    what: What,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Everything,
    Net(IpNet),
    /// A domain and all beneath it.
    Domain(String),
    /// Only the subdomains of a domain (`*.example.com`).
    Beneath(String),
}

impl NoProxy {
    /// Entries are separated by commas or spaces. An invalid entry matches nothing.
    pub(super) fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        Self { rules: entries.filter_map(Rule::parse).collect() }
    }

    pub(super) fn contains(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return false };
        let port = url.port_or_known_default();
        self.rules.iter().any(|rule| (rule.port.is_none() || rule.port == port) && rule.what.matches(&host))
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self { what: What::Everything, port: None });
        }
        // `1.2.3.4/8`, `fd00::/8`, and addresses without brackets.
        if let Ok(net) = entry.parse::<IpNet>() {
            return Some(Self { what: What::Net(canonical(net)), port: None });
        }
        if let Ok(ip) = entry.parse::<IpAddr>() {
            return Some(Self { what: What::Net(ip.to_canonical().into()), port: None });
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port.parse().ok()?)),
            _ => (entry, None),
        };
        if name == "*" {
            return Some(Self { what: What::Everything, port });
        }
        let (beneath, name) = match name.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, name.strip_prefix('.').unwrap_or(name)),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        // The parser of URLs reads it as it reads the address it is compared with: case, IDNA, forms of an IP.
        let what = match Host::parse(name).ok()? {
            Host::Domain(name) if beneath => What::Beneath(name),
            Host::Domain(name) => What::Domain(name),
            Host::Ipv4(ip) => What::Net(IpAddr::V4(ip).into()),
            Host::Ipv6(ip) => What::Net(IpAddr::V6(ip).to_canonical().into()),
        };
        Some(Self { what, port })
    }
}

/// A net of v4 addresses written as v6 is one of v4.
fn canonical(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(ip) => IpNet::new(IpAddr::V4(ip), v6.prefix_len() - 96).unwrap_or(net),
            None => net,
        },
        _ => net,
    }
}

impl What {
    fn matches<S: AsRef<str>>(&self, host: &Host<S>) -> bool {
        let ip = match host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(*ip).to_canonical()),
        };
        match (self, host, ip) {
            (Self::Everything, ..) => true,
            (Self::Net(net), _, Some(ip)) => net.contains(&ip),
            (Self::Domain(name), Host::Domain(host), _) => {
                let host = trimmed(host.as_ref());
                host == name || is_beneath(host, name)
            }
            (Self::Beneath(name), Host::Domain(host), _) => is_beneath(trimmed(host.as_ref()), name),
            _ => false,
        }
    }
}

fn trimmed(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_beneath(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn direct(no_proxy: &str, url: &str) -> bool {
        NoProxy::parse(no_proxy).contains(&Url::parse(url).unwrap())
    }

    #[test]
    fn no_proxy_is_read_as_curl_and_go_read_it() {
        for (no_proxy, url) in [
            ("example.com", "https://example.com"),
            ("example.com", "https://api.example.com"),
            ("EXAMPLE.com", "https://Api.Example.COM"),
            (".example.com", "https://api.example.com"),
            (".example.com", "https://example.com"),
            ("example.com.", "https://example.com"),
            (".example.com.", "https://a.b.example.com"),
            ("example.com", "https://example.com./x"),
            ("*.example.com", "https://api.example.com"),
            ("other.org,example.com", "https://example.com"),
            (" other.org ,\texample.com ", "https://example.com"),
            ("other.org example.com", "https://example.com"),
            ("example.com:443", "https://example.com"),
            ("example.com:8443", "https://api.example.com:8443"),
            ("example.com:80", "http://example.com"),
            ("*", "https://anything.example"),
            ("other.org,*", "https://anything.example"),
            ("10.0.0.0/8", "http://10.1.2.3:99"),
            ("10.1.2.3", "http://10.1.2.3"),
            ("10.1.2.3:99", "http://10.1.2.3:99"),
            ("10.0.0.0/8", "http://[::ffff:10.1.2.3]"),
            ("::ffff:10.0.0.0/104", "http://10.1.2.3"),
            ("fd00::/8", "http://[fd12::1]"),
            ("fd12::1", "http://[fd12::1]"),
            ("[fd12::1]", "http://[fd12:0::1]"),
            ("[fd12::1]:99", "http://[fd12::1]:99"),
            ("bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert!(direct(no_proxy, url), "{no_proxy:?} should hold {url}");
        }
        for (no_proxy, url) in [
            ("", "https://example.com"),
            (",, ,", "https://example.com"),
            ("example.com", "https://notexample.com"),
            ("example.com", "https://example.com.evil.org"),
            ("*.example.com", "https://example.com"),
            ("api.example.com", "https://example.com"),
            ("example.com:8443", "https://example.com"),
            ("example.com:443", "http://example.com"),
            ("example.com:nonsense", "https://example.com"),
            ("10.0.0.0/8", "http://11.0.0.1"),
            ("10.0.0.0/99", "http://10.0.0.1"),
            ("10.1.2.3", "http://10.1.2.3.example"),
            ("10.1.2.3:99", "http://10.1.2.3:98"),
            ("fd00::/8", "http://[fe00::1]"),
            ("[fd12::1]:99", "http://[fd12::1]"),
        ] {
            assert!(!direct(no_proxy, url), "{no_proxy:?} should not hold {url}");
        }
    }
}
