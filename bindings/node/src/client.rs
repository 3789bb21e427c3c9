//! The client.

use crate::failure::NativeFailure;
use crate::hub::{Hub, NativeHub};
use crate::operation::{arguments, operation};
use crate::runtime;
use crate::task::NativeTask;
use napi::Either;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use serde::Deserialize;
use std::mem::take;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use turnwire::http::RequestOptions;
use turnwire::{Client, Result};

/// A client, bound to the thread of JavaScript it was made in.
#[napi]
pub struct NativeClient {
    client: Client,
    hub: Arc<Hub>,
    runtime: Handle,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    api_key: Option<String>,
    base_url: Option<String>,
    token: Option<String>,
    prefix: Option<String>,
    proxy: Option<String>,
    ca_bundle: Option<PathBuf>,
    user_agent: Option<String>,
    max_event_bytes: Option<usize>,
    backoff_scale: Option<f64>,
    tcp_keepalive: Option<u64>,
    #[serde(default)]
    no_proxy: bool,
    #[serde(default)]
    http2_prior_knowledge: bool,
    #[serde(flatten)]
    options: RequestOptions,
}

fn build(settings: &str) -> Result<(Client, Vec<String>)> {
    let settings: Settings = arguments(settings)?;
    let mut builder = Client::builder().options(settings.options);
    macro_rules! set {
        ($($name:ident),+) => {
            $(if let Some(value) = settings.$name {
                builder = builder.$name(value);
            })+
        };
    }
    set!(api_key, base_url, token, prefix, proxy, ca_bundle, user_agent, max_event_bytes, backoff_scale);
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
    let builder = builder.on_warning(move |warning| {
        told.lock().unwrap_or_else(PoisonError::into_inner).push(warning.to_owned());
    });
    let client = builder.build()?;
    let warnings = take(&mut *warnings.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((client, warnings))
}

/// A client with these settings, as JSON.
#[napi(catch_unwind)]
pub fn open_client(hub: &NativeHub, settings: String) -> Either<NativeClient, NativeFailure> {
    match runtime::handle().and_then(|runtime| Ok((runtime, build(&settings)?))) {
        Ok((runtime, (client, warnings))) => {
            Either::A(NativeClient { client, hub: hub.hub.clone(), runtime, warnings })
        }
        Err(error) => Either::B(NativeFailure::from(&error)),
    }
}

#[napi]
impl NativeClient {
    /// The service's address.
    #[napi(getter, catch_unwind)]
    pub fn base_url(&self) -> String {
        self.client.base_url().to_owned()
    }

    /// What there is to warn of.
    #[napi(getter, catch_unwind)]
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// A client with the same connections and other options, as JSON.
    #[napi(catch_unwind)]
    pub fn with_options(&self, options: String) -> Either<NativeClient, NativeFailure> {
        match arguments::<RequestOptions>(&options) {
            Ok(options) => Either::A(Self {
                client: self.client.with_options(options),
                hub: self.hub.clone(),
                runtime: self.runtime.clone(),
                warnings: Vec::new(),
            }),
            Err(error) => Either::B(NativeFailure::from(&error)),
        }
    }

    /// Begins an operation. Whatever is wrong with it, the task says so.
    #[napi(catch_unwind)]
    pub fn start(&self, name: String, args: String, options: String, content: Option<Uint8Array>) -> NativeTask {
        let begin = || {
            let client = self.client.with_options(arguments(&options)?);
            operation(&client, &name, &args, content.map(|content| content.to_vec()))
        };
        let work = begin();
        NativeTask::spawn(&self.hub, &self.runtime, async move { work?.await })
    }
}
