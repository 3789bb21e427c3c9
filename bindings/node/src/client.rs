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
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use turnwire::http::RequestOptions;
use turnwire::{Client, Result};

/// A client, bound to the thread of JavaScript it was made in.
#[napi]
pub struct NativeClient {
    client: Client,
    hub: Arc<Hub>,
    runtime: Handle,
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
    #[serde(flatten)]
    options: RequestOptions,
}

fn build(settings: &str) -> Result<Client> {
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
    builder.build()
}

/// A client with these settings, as JSON.
#[napi(catch_unwind)]
pub fn open_client(hub: &NativeHub, settings: String) -> Either<NativeClient, NativeFailure> {
    match runtime::handle().and_then(|runtime| Ok((runtime, build(&settings)?))) {
        Ok((runtime, client)) => Either::A(NativeClient { client, hub: hub.hub.clone(), runtime }),
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

    /// A client with the same connections and other options, as JSON.
    #[napi(catch_unwind)]
    pub fn with_options(&self, options: String) -> Either<NativeClient, NativeFailure> {
        match arguments::<RequestOptions>(&options) {
            Ok(options) => Either::A(Self {
                client: self.client.with_options(options),
                hub: self.hub.clone(),
                runtime: self.runtime.clone(),
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
