//! The settings of a client, and the options of its calls.

use crate::arguments::Language;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use turnwire::http::RequestOptions;
use turnwire::{Client, Result};

/// The settings of a client, as a language hands them over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    base_url: Option<String>,
    api_key: Option<String>,
    token: Option<String>,
    prefix: Option<String>,
    proxy: Option<String>,
    ca_bundle: Option<PathBuf>,
    user_agent: Option<String>,
    max_event_bytes: Option<usize>,
    backoff_scale: Option<f64>,
    /// Milliseconds.
    tcp_keepalive: Option<u64>,
    no_proxy: bool,
    http2_prior_knowledge: bool,
}

impl Settings {
    /// Creates a client from settings and options, each as JSON, with its warnings.
    ///
    /// # Errors
    /// An invalid setting or option, with its name in the language.
    pub fn client<O: AsRef<str>>(language: &Language, settings: &str, options: &[O]) -> Result<(Client, Vec<String>)> {
        let settings: Self = language.read(settings)?;
        let mut builder = Client::builder().ca_variables(language.ca_variables);
        for options in options {
            builder = builder.options(language.read(options.as_ref())?);
        }
        macro_rules! given {
            ($($name:ident),+) => {
                $(if let Some(value) = settings.$name {
                    builder = builder.$name(value);
                })+
            };
        }
        given!(base_url, api_key, token, prefix, proxy, ca_bundle, user_agent, max_event_bytes, backoff_scale);
        if let Some(ms) = settings.tcp_keepalive {
            builder = builder.tcp_keepalive(Duration::from_millis(ms));
        }
        if settings.no_proxy {
            builder = builder.no_proxy();
        }
        if settings.http2_prior_knowledge {
            builder = builder.http2_prior_knowledge();
        }
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let told = warnings.clone();
        let builder = builder.on_warning(move |warning| crate::pump::lock(&told).push(warning.to_owned()));
        let client = builder.build()?;
        let warnings = std::mem::take(&mut *crate::pump::lock(&warnings));
        Ok((client, warnings))
    }
}

/// The options of a call, or of `with_options`, as JSON.
///
/// # Errors
/// An invalid option, with its name in the language.
pub fn options(language: &Language, json: &str) -> Result<RequestOptions> {
    let options: RequestOptions = language.read(json)?;
    options.check()?;
    Ok(options)
}
