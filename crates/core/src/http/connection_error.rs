//! Why there is no answer, in a sentence: the service, the proxy before it, the certificate, or this process.

use super::body::{Unreadable, unreadable};
use super::proxy::shown;
use crate::error::Error;
use rustls::CertificateError;
use std::error::Error as StdError;
use std::io;
use url::Url;

/// The most headers an answer may have. Over HTTP/2 their size alone is bounded.
pub(super) const MAX_HEADERS: usize = 1000;
/// The longest head of an answer, as hyper bounds it over HTTP/1.
pub(super) const MAX_HEAD: u32 = 400 * 1024;

const TOO_MANY_OPEN_FILES: &str = "too_many_open_files";
const NO_FILE_LEFT: &str =
    "This process has no file left to open a connection with; close some, or raise its limit (ulimit -n).";

/// The error of a request that got no answer, or half of one; `proxy`: the one it went through. The URL is left out: it may
/// hold a token.
pub(crate) fn connection_error(error: reqwest::Error, proxy: Option<&Url>) -> Error {
    let error = error.without_url();
    if let Some(Unreadable(why)) = find(&error, |cause| cause.downcast_ref()) {
        return unreadable(why);
    }
    let (code, message): (_, String) = if let Some(refused) = refused_certificate(&error) {
        ("certificate_refused", refused.into())
    } else if met_no_file_left(&error) {
        (TOO_MANY_OPEN_FILES, NO_FILE_LEFT.into())
    } else if error.is_connect() {
        match proxy.and_then(|proxy| proxy_trouble(&error, proxy)) {
            Some(trouble) => trouble,
            None if error.is_timeout() => (
                "connect_timeout",
                "The service could not be reached in time; check the base URL and the network.".into(),
            ),
            None => (
                "connection_failed",
                "The service could not be reached; check that it runs and that the base URL is right.".into(),
            ),
        }
    } else if error.is_builder() {
        ("invalid_argument", "The request cannot be built; see the cause.".into())
    } else if error.is_timeout() {
        ("answer_timeout", "The service did not answer in time.".into())
    } else {
        match find(&error, |error| error.downcast_ref::<hyper::Error>()) {
            Some(error) if error.is_parse() && error.to_string().contains("too large") => (
                "headers_too_large",
                format!(
                    "The service's answer has more than {MAX_HEADERS} headers, or a head of more than {} KiB.",
                    MAX_HEAD / 1024
                ),
            ),
            Some(error) if error.is_parse() => (
                "invalid_answer",
                "What answers there does not speak HTTP as it should; check the base URL, its port and http or https."
                    .into(),
            ),
            _ => ("connection_lost", "The connection broke before the answer was complete.".into()),
        }
    };
    Error::new(code, message).with_source(error)
}

/// What the proxy has to do with it, where it has. Its own errors have no types that can be named here, only words.
fn proxy_trouble(error: &reqwest::Error, proxy: &Url) -> Option<(&'static str, String)> {
    let name = shown(proxy);
    let unreachable = || {
        let check = "check that it runs, and the proxy option or HTTP_PROXY, HTTPS_PROXY and NO_PROXY";
        ("proxy_unreachable", format!("The proxy {name} could not be reached; {check}."))
    };
    if error.is_timeout() {
        return Some((
            "connect_timeout",
            format!("No connection came about through the proxy {name} in time; check it and the network."),
        ));
    }
    let cause = causes(error).map(ToString::to_string).find(|cause| {
        cause.starts_with("tunnel error: ")
            || cause.starts_with("SOCKS error: ")
            || cause.contains("resolving for socks")
    });
    match cause {
        // Plain http goes to the proxy itself: there is nothing else that a connection is made to.
        None if causes(error).any(<dyn StdError>::is::<rustls::Error>) => None,
        None => Some(unreachable()),
        Some(cause) if cause.contains("underlying connection") => Some(unreachable()),
        Some(cause)
            if cause.contains("authorization required")
                || cause.contains("credentials")
                || cause.contains("user/pass") =>
        {
            Some(("proxy_unauthorized", unauthorized(Some(proxy))))
        }
        Some(cause) if cause.contains("resolving for socks") => None,
        Some(_) => Some((
            "proxy_refused",
            format!(
                "The proxy {name} makes no connection to the service: it refused, or could not reach it; see the cause."
            ),
        )),
    }
}

/// The error for a proxy that requires credentials.
pub(super) fn unauthorized(proxy: Option<&Url>) -> String {
    let name = proxy.map(|proxy| format!(" {}", shown(proxy))).unwrap_or_default();
    format!(
        "The proxy{name} wants a name and a password, others than it was given; write them into its URL: http://NAME:PASSWORD@HOST:PORT."
    )
}

/// The error and what lies beneath it, outermost first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // What an error of I/O wraps is not its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &dyn StdError).or_else(|| error.source())
    })
}

fn find<'a, T>(
    error: &'a (dyn StdError + 'static),
    of: impl Fn(&'a (dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    causes(error).find_map(of)
}

/// Why the service's certificate was refused, where it was.
fn refused_certificate(error: &reqwest::Error) -> Option<&'static str> {
    let why = find(error, |error| match error.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why),
        _ => None,
    })?;
    Some(match why {
        CertificateError::UnknownIssuer => {
            "The certificate of the service, or of a proxy before it, is of an authority that is not trusted here; name its \
             file by the CA bundle option or SSL_CERT_FILE."
        }
        _ => "The service's certificate is not valid for this address at this time; see the cause.",
    })
}

/// The error of a process, or a machine, that can open no more files, where this is it.
#[doc(hidden)]
pub fn no_file_left(error: &io::Error) -> Option<Error> {
    // EMFILE and ENFILE, the same numbers on every Unix; Windows says WSAEMFILE.
    let out = matches!(error.raw_os_error(), Some(23 | 24)) && cfg!(unix)
        || error.raw_os_error() == Some(10024) && cfg!(windows);
    out.then(|| Error::new(TOO_MANY_OPEN_FILES, NO_FILE_LEFT))
}

/// Whether a request failed by that.
fn met_no_file_left(error: &reqwest::Error) -> bool {
    if find(error, |error| no_file_left(error.downcast_ref()?)).is_some() {
        return true;
    }
    // A name is looked up by reading files, and the system's own function only says that it found nothing.
    error.is_connect()
        && causes(error).any(|cause| cause.to_string().contains("dns error"))
        && std::net::UdpSocket::bind("127.0.0.1:0").is_err_and(|error| no_file_left(&error).is_some())
}
