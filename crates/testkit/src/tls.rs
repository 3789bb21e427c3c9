//! TLS in front of the service, under a certificate authority of its own that nobody knows.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_util::sync::CancellationToken;

/// The host by which the service is known behind the proxy; it has no address of its own.
pub(crate) const HOST: &str = "service.invalid";

/// A TLS listener.
pub(crate) struct Tls {
    pub(crate) address: SocketAddr,
    /// The authority's certificate, as PEM.
    pub(crate) ca: String,
}

impl Tls {
    /// Listens on a free port, and passes on what comes to the plain service.
    pub(crate) async fn start(plain: SocketAddr, stop: CancellationToken) -> io::Result<Self> {
        let (config, ca) = certified().map_err(io::Error::other)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(stop.run_until_cancelled_owned(accept(listener, TlsAcceptor::from(Arc::new(config)), plain)));
        Ok(Self { address, ca })
    }
}

fn certified() -> Result<(ServerConfig, String), Box<dyn std::error::Error + Send + Sync>> {
    let mut authority = CertificateParams::new(vec![])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let names = ["127.0.0.1", "localhost", HOST].map(str::to_owned);
    let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((config, authority.pem()))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, plain: SocketAddr) {
    while let Ok((socket, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that refuses the certificate hangs up here.
            let mut outer = acceptor.accept(socket).await?;
            let mut inner = TcpStream::connect(plain).await?;
            inner.set_nodelay(true)?;
            copy_bidirectional(&mut outer, &mut inner).await
        });
    }
}
