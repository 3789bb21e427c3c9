//! The client.

use crate::driver::{LANGUAGE, driver};
use crate::failure::{NativeFailure, failure};
use crate::hub::{Hub, NativeHub};
use crate::task::NativeTask;
use crate::upload::NativeUpload;
use napi::Either;
use napi::bindgen_prelude::{Null, Uint8Array};
use napi_derive::napi;
use std::sync::Arc;
use turnwire::Client;
use turnwire::chat::Upload;
use turnwire_bridge::{Operation, Settings, options};

/// A client, bound to the thread of JavaScript it was made in.
#[napi]
pub struct NativeClient {
    client: Client,
    hub: Arc<Hub>,
    warnings: Vec<String>,
}

/// A client with these settings and options, as one JSON object.
#[napi(catch_unwind)]
pub fn open_client(hub: &NativeHub, settings: String) -> Either<NativeClient, NativeFailure> {
    match Settings::client(&LANGUAGE, &settings, &[&settings]) {
        Ok((client, warnings)) => Either::A(NativeClient { client, hub: hub.hub.clone(), warnings }),
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
    pub fn with_options(&self, json: String) -> Either<NativeClient, NativeFailure> {
        match options(&LANGUAGE, &json) {
            Ok(options) => Either::A(Self {
                client: self.client.with_options(options),
                hub: self.hub.clone(),
                warnings: Vec::new(),
            }),
            Err(error) => Either::B(NativeFailure::from(&error)),
        }
    }

    /// Whether it was closed, here or by a client on the same connections.
    #[napi(getter, catch_unwind)]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Closes all connections of this client and of those that share them.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.client.close();
        if let Ok(driver) = driver() {
            driver.call();
        }
    }

    /// Uses another key from now on, here and in every client on the same connections.
    #[napi(catch_unwind)]
    pub fn set_api_key(&self, key: String) -> Either<NativeFailure, Null> {
        failure(self.client.set_api_key(key).err().as_ref())
    }

    /// Begins an operation. Whatever is wrong with it, the task says so.
    #[napi(catch_unwind)]
    pub fn start(&self, name: String, args: String, options: String, content: Option<Uint8Array>) -> NativeTask {
        self.begin(&name, &args, &options, content.map(|content| content.to_vec().into()))
    }

    /// What a file is uploaded by in pieces.
    #[napi(catch_unwind)]
    pub fn upload(&self) -> NativeUpload {
        NativeUpload::new(self.hub.clone())
    }

    /// Begins an upload of what `upload` will be handed.
    #[napi(catch_unwind)]
    pub fn start_upload(&self, upload: &NativeUpload, args: String, options: String) -> NativeTask {
        self.begin("files.upload", &args, &options, upload.pieces.content())
    }
}

impl NativeClient {
    fn begin(&self, name: &str, args: &str, options: &str, content: Option<Upload>) -> NativeTask {
        let parsed = Operation::parse(&LANGUAGE, &self.client, name, args, options, content);
        match driver().and_then(|driver| Ok((driver, parsed?))) {
            Ok((driver, operation)) => NativeTask::spawn(&self.hub, operation.run(driver)),
            Err(error) => NativeTask::failed(&self.hub, error),
        }
    }
}
