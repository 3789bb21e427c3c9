//! Connections that several clients share.

use super::ClientBuilder;
use super::connect::build_http;
use super::proxy::Proxies;
use super::trust::{CertificateFile, certificate_files};
use crate::error::Result;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// More settings than these are not remembered; the oldest goes first.
const MAX_SETTINGS: usize = 16;

/// Connections that clients of equal settings share, whatever their address and key. The first client of some settings reads
/// the system's certificate authorities, which takes milliseconds; each further one takes none. Only for clients that run on
/// one runtime: a connection lives on the runtime that opened it.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Vec<(Settings, reqwest::Client)>>>);

/// What two clients must agree on to share their connections.
#[derive(PartialEq, Eq)]
struct Settings {
    connect: Duration,
    tcp_keepalive: Duration,
    http2_only: bool,
    proxies: Proxies,
    certificates: Vec<CertificateFile>,
}

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `reqwest` client of these settings, made where there is none yet.
    pub(super) fn of(&self, settings: &ClientBuilder, proxies: &Proxies, connect: Duration) -> Result<reqwest::Client> {
        // What cannot be told apart by its files is not shared.
        let Some(certificates) = certificate_files(settings) else { return build_http(settings, proxies, connect) };
        let key = Settings {
            certificates,
            connect,
            tcp_keepalive: settings.tcp_keepalive,
            http2_only: settings.http2_only,
            proxies: proxies.clone(),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, http)) = known.iter().find(|(settings, _)| *settings == key) {
            return Ok(http.clone());
        }
        let http = build_http(settings, proxies, connect)?;
        if known.len() == MAX_SETTINGS {
            known.remove(0);
        }
        known.push((key, http.clone()));
        Ok(http)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Connections").field("settings", &known.len()).finish_non_exhaustive()
    }
}
