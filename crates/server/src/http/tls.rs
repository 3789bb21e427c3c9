//! TLS: a certificate and its key from files, read again when they have changed, so that a renewed one needs no restart.

use crate::config::TlsConfig;
use crate::secret_file::read_secret;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Why a certificate or its key is not used: a sentence that names the file, with the cause behind it.
#[derive(Debug, thiserror::Error)]
#[error("{} {what}", path.display())]
pub(crate) struct TlsError {
    path: PathBuf,
    what: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What connections are accepted with.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsConfig,
    now: RwLock<Loaded>,
}

struct Loaded {
    acceptor: TlsAcceptor,
    /// When the two files were last written, as of then.
    written: [Option<SystemTime>; 2],
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("written", &self.written).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads both files. Blocks.
    pub(crate) fn load(files: TlsConfig) -> Result<Self, TlsError> {
        let now = RwLock::new(Loaded::read(&files)?);
        Ok(Self { files, now })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.now.read().unwrap_or_else(PoisonError::into_inner).acceptor.clone()
    }

    /// Reads the files again if they have changed. What cannot be used (a renewal may be half written) is left for the next look;
    /// until then the former certificate is shown. Blocks.
    pub(crate) fn renew(&self) {
        if written(&self.files) == self.now.read().unwrap_or_else(PoisonError::into_inner).written {
            return;
        }
        match Loaded::read(&self.files) {
            Ok(loaded) => {
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = loaded;
                tracing::info!("the certificate was read again");
            }
            Err(error) => {
                tracing::warn!(%error, cause = %error.source, "a changed certificate is not used; the former one stays");
            }
        }
    }
}

fn written(files: &TlsConfig) -> [Option<SystemTime>; 2] {
    [&files.cert, &files.key].map(|file| std::fs::metadata(file).and_then(|about| about.modified()).ok())
}

impl Loaded {
    fn read(files: &TlsConfig) -> Result<Self, TlsError> {
        // Before they are read: one that is written meanwhile is read again.
        let written = written(files);
        let failed = |path: &Path, what, source: Box<dyn std::error::Error + Send + Sync>| TlsError {
            path: path.to_owned(),
            what,
            source,
        };
        let no_certificate = "holds no certificate in PEM that can be read";
        let certificates: Vec<_> = CertificateDer::pem_file_iter(&files.cert)
            .and_then(Iterator::collect)
            .map_err(|error| failed(&files.cert, no_certificate, error.into()))?;
        if certificates.is_empty() {
            return Err(failed(&files.cert, no_certificate, "the file holds something else".into()));
        }
        let key = read_secret(&files.key).map_err(|error| failed(&files.key, "cannot be used", error.into()))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| failed(&files.key, "holds no private key in PEM that can be read", error.into()))?;
        let misfit = |error: rustls::Error| failed(&files.key, "does not fit the certificate", error.into());
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(misfit)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(misfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), written })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Tls;
    use crate::config::TlsConfig;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    fn write(file: &Path, text: &str, at: SystemTime) {
        std::fs::write(file, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        // Later than before, however coarse the file system's clock is.
        std::fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
    }

    /// Whether a client that trusts only `certificate` is shown it.
    async fn shows(tls: &Tls, certificate: &CertificateDer<'static>) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(super::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let accepting = tls.acceptor().accept(ours);
        let connecting = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), theirs);
        tokio::join!(accepting, connecting).1.is_ok()
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsConfig { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let make = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (former, renewed) = (make(), make());
        let began = SystemTime::now();
        write(&files.cert, &former.cert.pem(), began);
        write(&files.key, &former.signing_key.serialize_pem(), began);
        let tls = Tls::load(files.clone()).unwrap();
        assert!(shows(&tls, former.cert.der()).await);

        // Half of a renewal: the new certificate does not fit the old key.
        write(&files.cert, &renewed.cert.pem(), began + Duration::from_secs(1));
        tls.renew();
        assert!(shows(&tls, former.cert.der()).await);

        write(&files.key, &renewed.signing_key.serialize_pem(), began + Duration::from_secs(2));
        tls.renew();
        assert!(shows(&tls, renewed.cert.der()).await);
        assert!(!shows(&tls, former.cert.der()).await);
    }
}
