//! Building a client of its settings.

use super::ClientBuilder;
use super::base::{is_loopback, parse_base, parse_prefix};
use super::client::{Client, Transport};
use super::env::{Family, stored_key};
use super::header::header_value;
use super::secret::check_secret;
use crate::error::{Error, Result};
use std::ops::RangeInclusive;
use std::sync::Once;
use std::time::Duration;
use url::Url;

/// What the systems take; beyond it they ignore the setting.
const TCP_KEEPALIVE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(32_767);

impl Client {
    /// A client of the service the environment names: `TURNWIRE_BASE_URL` and `TURNWIRE_API_KEY` if either is set,
    /// else `CASEDEV_BASE_URL` and `CASEDEV_API_KEY` if either is set, else the `turnwire serve` of this machine with
    /// the key it stored.
    ///
    /// # Errors
    /// The address is invalid.
    pub fn from_env() -> Result<Self> {
        Self::builder().build()
    }

    /// Settings to build a client from.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }
}

impl ClientBuilder {
    /// The client.
    ///
    /// # Errors
    /// An address that is none, or holds more than an address; a prefix that is no path; a proxy that is none, by option or
    /// by the environment; a certificate that cannot be read; a setting that cannot be honoured. No connection is made yet.
    pub fn build(mut self) -> Result<Client> {
        self.check()?;
        let (text, key) = if let Some(url) = self.base_url.take() {
            (url, self.api_key.take())
        } else {
            let family = Family::from_env();
            // A token that is given here counts for more than a key of the environment, with which it would not be sent.
            let key = family.api_key.filter(|_| self.token.is_none());
            (family.base_url, self.api_key.take().or(key))
        };
        let base = parse_base(&text)?;
        self.prefix = parse_prefix(&self.prefix)?;
        let loopback = is_loopback(&base);
        let key = key.or_else(|| if loopback && self.token.is_none() { stored_key() } else { None });
        if base.scheme() == "http" && !loopback && (key.is_some() || self.token.is_some()) {
            self.warn_once_of_plain_http(&base);
        }
        if let Some(key) = &key {
            check_secret("API key", key)?;
        }
        let transport = Transport::new(&self, base, key)?;
        Ok(Client::assemble(transport, self.options))
    }

    /// Refuses by name what would not be honoured.
    fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::new("invalid_argument", why));
        if let Some(key) = &self.api_key {
            check_secret("API key", key)?;
        }
        if let Some(token) = &self.token {
            check_secret("token", token)?;
            if self.api_key.is_some() {
                return refuse("A client has a key or a token, not both: with the key, the token would not be sent.");
            }
        }
        if self.proxy.is_some() && self.no_proxy {
            return refuse("proxy and no_proxy contradict each other; give one of the two.");
        }
        if self.http_client.is_some()
            && (self.proxy.is_some() || self.no_proxy || self.ca_bundle.is_some() || self.http2_only)
        {
            return refuse("With an http_client of your own, set proxy, certificates and HTTP/2 on that.");
        }
        if !(0.0..=1000.0).contains(&self.backoff_scale) {
            return refuse("backoff_scale is a number from 0 to 1000.");
        }
        if self.max_event_bytes == Some(0) {
            return refuse("max_event_bytes must be above 0.");
        }
        if !TCP_KEEPALIVE.contains(&self.tcp_keepalive) {
            return refuse("tcp_keepalive must be from 1 to 32767 seconds.");
        }
        if let Some(agent) = &self.user_agent {
            header_value("User-Agent", agent)?;
        }
        self.options.check()
    }

    fn warn_once_of_plain_http(&self, base: &Url) {
        static WARNED: Once = Once::new();
        let host = base.host_str().unwrap_or_default();
        WARNED.call_once(|| {
            self.warn(&format!("The key is sent to {host} over plain http, where others can read it; use https."));
        });
    }
}
