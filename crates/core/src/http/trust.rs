//! Certificate authorities that are trusted beside the system's.

use super::builder::ClientBuilder;
use crate::error::{Error, Result};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// More files of a folder are not looked at.
const MAX_FILES: usize = 1000;

/// Where certificates come from, as it stands: two that are equal hold the same.
#[derive(PartialEq, Eq)]
pub(super) struct Place {
    /// The option or the variable, and its value.
    named: (&'static str, OsString),
    /// The file or the files of the folder that it names, where they are there.
    files: Vec<(PathBuf, SystemTime, u64)>,
}

/// What is trusted beside the system's, and what the environment names in vain.
pub(super) struct More {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) warnings: Vec<String>,
}

/// The places of all certificates of a client that somebody named; `None` where two looks at one cannot be compared.
pub(super) fn places(settings: &ClientBuilder) -> Option<Vec<Place>> {
    let mut all = vec![];
    let bundle = settings.ca_bundle.iter().map(|file| ("CA bundle", file.clone().into_os_string()));
    // The folders are the system's affair: it looks there for its own authorities.
    let folders = std::env::var_os("SSL_CERT_DIR").map(|folders| ("SSL_CERT_DIR", folders));
    for named in bundle.chain(variables(settings)).chain(folders) {
        let (name, text) = named;
        let paths =
            if name == "SSL_CERT_DIR" { std::env::split_paths(&text).collect() } else { vec![PathBuf::from(&text)] };
        let mut place = Place::variable(name, text);
        for path in paths {
            place.add(&path)?;
        }
        all.push(place);
    }
    Some(all)
}

/// What the variables that name a bundle say. `SSL_CERT_FILE` counts beside the caller's bundle too: the system's own
/// authorities are read from it.
fn variables(settings: &ClientBuilder) -> impl Iterator<Item = (&'static str, OsString)> {
    let others = if settings.ca_bundle.is_some() { &[] } else { settings.ca_variables };
    std::iter::once("SSL_CERT_FILE")
        .chain(others.iter().copied())
        .filter_map(|name| Some((name, std::env::var_os(name).filter(|file| !file.is_empty())?)))
}

impl Place {
    pub(super) fn variable(name: &'static str, text: OsString) -> Self {
        Self { named: (name, text), files: vec![] }
    }

    /// Looks at a file or at the files of a folder. What is not there is no part of it: once it is, the place is another.
    fn add(&mut self, path: &Path) -> Option<()> {
        let Ok(about) = std::fs::metadata(path) else { return Some(()) };
        if about.is_dir() {
            let files = std::fs::read_dir(path).into_iter().flatten().take(MAX_FILES).flatten();
            let seen = files.filter_map(|file| std::fs::metadata(file.path()).ok().map(|about| (file.path(), about)));
            self.files.extend(seen.filter_map(|(path, about)| standing(path, &about)));
            // A folder may name its files in another order each time.
            self.files.sort();
        }
        self.files.push(standing(path.to_owned(), &about)?);
        Some(())
    }
}

/// The current state of a file; `None` for one that reads differently each time, such as a pipe.
fn standing(path: PathBuf, about: &Metadata) -> Option<(PathBuf, SystemTime, u64)> {
    (about.is_file() || about.is_dir()).then_some(())?;
    Some((path, about.modified().ok()?, about.len()))
}

/// Those of the caller's bundle, else those the environment names.
pub(super) fn more_certificates(settings: &ClientBuilder) -> Result<More> {
    let mut more = More { certificates: vec![], warnings: vec![] };
    if let Some(file) = &settings.ca_bundle {
        more.certificates = certificates(file)
            .map_err(|why| Error::new("invalid_argument", format!("The CA bundle {} {why}.", file.display())))?;
        return Ok(more);
    }
    for (name, file) in variables(settings) {
        let file = PathBuf::from(file);
        // What a system-wide setting gets wrong is a warning, and stops nobody who speaks plain http.
        match certificates(&file) {
            Ok(found) => more.certificates.extend(found),
            Err(why) => more.warnings.push(format!("{name} is not used. The CA bundle {} {why}.", file.display())),
        }
    }
    Ok(more)
}

/// The certificates of a PEM file, or of all PEM files in a folder.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
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
fn read(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let mut found = vec![];
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "is no PEM file of certificates")?;
        RootCertStore::empty().add(certificate.clone()).map_err(|_| "holds a certificate that is none")?;
        found.push(certificate);
    }
    if found.is_empty() { Err("holds no certificate") } else { Ok(found) }
}
