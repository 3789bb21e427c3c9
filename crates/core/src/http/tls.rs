//! TLS: whom a client trusts, read once for all clients that trust the same.

use super::builder::ClientBuilder;
use super::trust::{More, Place, more_certificates, places};
use crate::error::{Error, Result};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More ways of trusting than these are not remembered; the oldest goes first.
const MAX_KNOWN: usize = 8;

/// The system's own authorities are in places that nobody named, so what was read of them counts this long.
const FRESH: Duration = Duration::from_secs(600);

/// Reading the system's certificate authorities takes milliseconds, so clients share what was read. They share nothing else:
/// no connection and no TLS session of one client is ever used by another.
static KNOWN: Known = Known(Mutex::new(VecDeque::new()));

/// What was read, by the places it came from as they stood then, the newest last.
struct Known(Mutex<VecDeque<(Vec<Place>, Instant, Trust)>>);

/// Whom to trust, and what was wrong with what the environment names.
#[derive(Clone)]
struct Trust {
    config: ClientConfig,
    warnings: Vec<String>,
}

/// The TLS settings of a client.
pub(super) fn config(settings: &ClientBuilder) -> Result<ClientConfig> {
    let trust = KNOWN.of(places(settings), Instant::now(), || read(settings))?;
    for warning in &trust.warnings {
        settings.warn(warning);
    }
    let mut config = trust.config;
    config.resumption = Resumption::default();
    config.alpn_protocols = if settings.http2_only { vec!["h2".into()] } else { vec!["h2".into(), "http/1.1".into()] };
    Ok(config)
}

impl Known {
    /// What was read of these places, or what `read` gives. Without places, as where one of them is a pipe, it is not kept.
    fn of(&self, places: Option<Vec<Place>>, now: Instant, read: impl FnOnce() -> Result<Trust>) -> Result<Trust> {
        let Some(places) = places else { return read() };
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |then: Instant| now.saturating_duration_since(then) < FRESH;
        let found = lock().iter().find(|(known, then, _)| *known == places && fresh(*then)).map(|(.., it)| it.clone());
        if let Some(found) = found {
            return Ok(found);
        }
        // Not under the lock: a process that forks meanwhile would never get it back.
        let trust = read()?;
        let mut known = lock();
        known.retain(|(known, then, _)| *known != places && fresh(*then));
        if known.len() == MAX_KNOWN {
            known.pop_front();
        }
        known.push_back((places, now, trust.clone()));
        Ok(trust)
    }
}

/// The system's authorities and those the caller or the environment names beside them.
fn read(settings: &ClientBuilder) -> Result<Trust> {
    tracing::debug!("The certificate authorities are read.");
    let More { certificates, mut warnings } = more_certificates(settings)?;
    let from_env = settings.ca_bundle.is_none() && !certificates.is_empty();
    let mut built = with_system(certificates);
    if let (true, Err(error)) = (from_env, &built) {
        warnings.push(format!("The certificates that the environment names are not used: {error}."));
        built = with_system(vec![]);
    }
    let config = match built {
        Ok(config) => config,
        Err(error) if settings.ca_bundle.is_some() => return Err(no_tls(error)),
        // A machine without any certificate authority (a slim container) can still speak plain http.
        Err(_) => with_none().map_err(no_tls)?,
    };
    Ok(Trust { config, warnings })
}

fn with_system(more: Vec<CertificateDer<'static>>) -> std::result::Result<ClientConfig, rustls::Error> {
    let verifier =
        if more.is_empty() { Verifier::new(provider()?)? } else { Verifier::new_with_extra_roots(more, provider()?)? };
    let config = ClientConfig::builder_with_provider(provider()?).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn with_none() -> std::result::Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider()?).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Those of the features; the first is used.
const BUILT_IN: &[fn() -> CryptoProvider] = &[
    #[cfg(feature = "tls-aws-lc")]
    rustls::crypto::aws_lc_rs::default_provider,
    #[cfg(feature = "tls-ring")]
    rustls::crypto::ring::default_provider,
];

/// The program's, where it chose one, else one of the features.
fn provider() -> std::result::Result<Arc<CryptoProvider>, rustls::Error> {
    let built_in = || BUILT_IN.first().map(|provider| Arc::new(provider()));
    CryptoProvider::get_default().cloned().or_else(built_in).ok_or_else(|| {
        let why = "turnwire was built without tls-aws-lc and tls-ring, and no CryptoProvider is installed";
        rustls::Error::General(why.to_owned())
    })
}

fn no_tls(error: rustls::Error) -> Error {
    Error::new("invalid_argument", "The HTTP client cannot be set up; see the cause.").with_source(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_was_read_counts_for_a_while_and_not_too_much_is_kept() {
        let (known, reads, start) = (Known(Mutex::default()), Cell::new(0), Instant::now());
        let place = |name: usize| Some(vec![Place::variable("NAME", name.to_string().into())]);
        let get = |places, after: Duration| {
            let before = reads.get();
            let read = || {
                reads.set(reads.get() + 1);
                Ok(Trust { config: with_none().unwrap(), warnings: vec!["shown each time".into()] })
            };
            let trust = known.of(places, start + after, read).unwrap();
            assert_eq!(trust.warnings, ["shown each time"]);
            reads.get() > before
        };
        let soon = Duration::from_secs(1);
        assert!(get(place(0), Duration::ZERO));
        assert!(!get(place(0), soon));
        assert!(get(place(0), FRESH), "the system's authorities may have changed");
        assert!(get(None, FRESH) && get(None, FRESH), "a pipe is read each time");
        for name in 1..=MAX_KNOWN {
            assert!(get(place(name), FRESH));
        }
        assert!(get(place(0), FRESH), "the oldest was forgotten");
        assert!(!get(place(MAX_KNOWN), FRESH));
        let broken = known.of(place(99), start, || Err(no_tls(rustls::Error::DecryptError)));
        assert!(broken.is_err() && get(place(99), FRESH), "what cannot be read is read again");
    }
}
