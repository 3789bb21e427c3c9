//! Certificate authorities that are trusted beside the system's.

use super::ClientBuilder;
use crate::error::{Error, Result};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::{Path, PathBuf};

/// More files of a folder are not looked at.
const MAX_FILES: usize = 1000;

/// Those of the caller's bundle, else those the environment names.
pub(super) fn more_certificates(settings: &ClientBuilder) -> Result<Vec<reqwest::Certificate>> {
    if let Some(file) = &settings.ca_bundle {
        return certificates(file)
            .map_err(|why| Error::new("invalid_argument", format!("The CA bundle {} {why}.", file.display())));
    }
    let mut all = vec![];
    for name in std::iter::once(&"SSL_CERT_FILE").chain(settings.ca_variables) {
        let Some(file) = std::env::var_os(name).filter(|file| !file.is_empty()).map(PathBuf::from) else { continue };
        // What a system-wide setting gets wrong is told, and stops nobody who speaks plain http.
        match certificates(&file) {
            Ok(found) => all.extend(found),
            Err(why) => {
                settings.warn(&format!("{name} is not used. The CA bundle {} {why}.", file.display()));
            }
        }
    }
    Ok(all)
}

/// The certificates of a PEM file, or of all PEM files in a folder.
fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    if !path.is_dir() {
        return read(&std::fs::read(path).map_err(unread)?).map_err(str::to_owned);
    }
    let files = std::fs::read_dir(path).map_err(unread)?.take(MAX_FILES).flatten();
    let found: Vec<_> =
        files.filter_map(|file| std::fs::read(file.path()).ok()).filter_map(|pem| read(&pem).ok()).flatten().collect();
    if found.is_empty() { Err("is a folder that holds no certificate".into()) } else { Ok(found) }
}

/// Each is looked at here: one that is spoilt would cost all the others when the client is built.
fn read(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, &'static str> {
    let mut found = vec![];
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "is no PEM file of certificates")?;
        let spoilt = "holds a certificate that is none";
        found.push(reqwest::Certificate::from_der(&certificate).map_err(|_| spoilt)?);
        RootCertStore::empty().add(certificate).map_err(|_| spoilt)?;
    }
    if found.is_empty() { Err("holds no certificate") } else { Ok(found) }
}
