//! The client.

use crate::failure::{NativeFailure, failure};
use crate::hub::{Hub, NativeHub};
use crate::operation::{arguments, operation};
use crate::runtime;
use crate::task::NativeTask;
use crate::upload::NativeUpload;
use napi::Either;
use napi::bindgen_prelude::{Null, Uint8Array};
use napi_derive::napi;
use serde::Deserialize;
use std::mem::take;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use turnwire::chat::Upload;
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
    let mut builder = Client::builder().options(settings.options).ca_variables(&["NODE_EXTRA_CA_CERTS"]);
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
        match self.told(None, &options) {
            Ok(client) => {
                Either::A(Self { client, hub: self.hub.clone(), runtime: self.runtime.clone(), warnings: Vec::new() })
            }
            Err(error) => Either::B(NativeFailure::from(&error)),
        }
    }

    /// Uses another key from now on, here and in every client on the same connections.
    #[napi(catch_unwind)]
    pub fn set_api_key(&self, key: String) -> Either<NativeFailure, Null> {
        failure(self.client.set_api_key(key).err().as_ref())
    }

    /// Closes all connections, of this client and of those with the same connections.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.client.close();
    }

    /// Whether it was closed.
    #[napi(getter, catch_unwind)]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Begins an operation. Whatever is wrong with it, the task says so.
    #[napi(catch_unwind)]
    pub fn start(&self, name: String, args: String, options: String, content: Option<Uint8Array>) -> NativeTask {
        self.begin(&name, &args, &options, content.map(|content| content.to_vec().into()))
    }

    /// What a file is uploaded by in pieces.
    #[napi(catch_unwind)]
    pub fn upload(&self) -> NativeUpload {
        NativeUpload::new(self.hub.clone(), self.runtime.clone())
    }

    /// Begins an upload of what `upload` will be handed.
    #[napi(catch_unwind)]
    pub fn start_upload(&self, upload: &NativeUpload, args: String, options: String) -> NativeTask {
        self.begin("files.upload", &args, &options, Some(upload.content()))
    }
}

impl NativeClient {
    fn begin(&self, name: &str, args: &str, options: &str, content: Option<Upload>) -> NativeTask {
        let work = self.told(Some(name), options).and_then(|client| operation(&client, name, args, content));
        NativeTask::spawn(&self.hub, &self.runtime, async move { work?.await })
    }

    /// The client with options as JSON, those of an operation or of all.
    fn told(&self, operation: Option<&str>, options: &str) -> Result<Client> {
        let options: RequestOptions = arguments(options)?;
        options.check()?;
        operation.map_or(Ok(()), |operation| options.check_for(operation))?;
        Ok(self.client.with_options(options))
    }
}
