//! `OpenCode`'s HTTP API, as far as it is used.

use super::reason;
use crate::runtime::{RuntimeError, RuntimeFault, RuntimeResult};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use turnwire::normalize::read_answer;

const CONNECT: Duration = Duration::from_secs(3);
/// The first call for a new folder makes `OpenCode` look around in it.
const ANSWER: Duration = Duration::from_secs(30);
const HEALTH: Duration = Duration::from_secs(5);

/// `OpenCode`'s HTTP API.
pub(super) struct Api {
    url: String,
    password: String,
    http: Client,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("url", &self.url).finish_non_exhaustive()
    }
}

fn lost(error: &reqwest::Error) -> RuntimeError {
    if error.is_timeout() {
        return RuntimeError::new(RuntimeFault::Timeout, "OpenCode did not answer in time; try again.");
    }
    // Without the address: it is nobody's business but ours.
    RuntimeError::unavailable(if error.is_connect() {
        "OpenCode cannot be reached; it may be starting again, try in a moment."
    } else {
        "The connection to OpenCode broke; try again."
    })
}

impl Api {
    pub(super) fn new(url: String, password: String) -> RuntimeResult<Self> {
        // Loopback, so no proxy; many chats at once, so connections are kept.
        let http = Client::builder().no_proxy().connect_timeout(CONNECT).build();
        let http =
            http.map_err(|error| RuntimeError::unavailable(format!("No HTTP client could be made: {error}.")))?;
        Ok(Self { url, password, http })
    }

    fn request(&self, method: Method, path: &str, directory: Option<&Path>) -> RequestBuilder {
        let mut url = format!("{}{path}", self.url);
        if let Some(directory) = directory {
            url.push(if path.contains('?') { '&' } else { '?' });
            url.push_str("directory=");
            // OpenCode decodes it once more than the query is encoded: a percent sign must outlast that.
            for piece in directory.as_os_str().as_encoded_bytes().split_inclusive(|byte| *byte == b'%') {
                url.extend(percent_encode(piece, NON_ALPHANUMERIC));
                if piece.ends_with(b"%") {
                    url.push_str("25");
                }
            }
        }
        self.http.request(method, url).basic_auth("opencode", Some(&self.password))
    }

    /// Its version, if it is well.
    pub(super) async fn version(&self) -> RuntimeResult<String> {
        let request = self.request(Method::GET, "/global/health", None).timeout(HEALTH);
        let health = json(request.send().await.map_err(|error| lost(&error))?, None).await?;
        Ok(health["version"].as_str().unwrap_or("unknown").to_owned())
    }

    /// The events of a folder. Their silence is watched by the reader.
    pub(super) async fn events(&self, directory: &Path) -> RuntimeResult<Response> {
        let request = self.request(Method::GET, "/event", Some(directory));
        let response = tokio::time::timeout(ANSWER, request.send()).await;
        let response =
            response.map_err(|_| RuntimeError::new(RuntimeFault::Timeout, "OpenCode does not tell its events."))?;
        check(response.map_err(|error| lost(&error))?, Some(directory)).await
    }

    pub(super) async fn get(&self, path: &str, directory: &Path) -> RuntimeResult<Value> {
        let request = self.request(Method::GET, path, Some(directory)).timeout(ANSWER);
        json(request.send().await.map_err(|error| lost(&error))?, Some(directory)).await
    }

    /// `None`: there is no such thing (404).
    pub(super) async fn post(
        &self,
        path: &str,
        directory: &Path,
        body: Option<&Value>,
    ) -> RuntimeResult<Option<Value>> {
        let mut request = self.request(Method::POST, path, Some(directory)).timeout(ANSWER);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| lost(&error))?;
        match response.status().as_u16() {
            404 => Ok(None),
            204 => Ok(Some(Value::Null)),
            _ => json(response, Some(directory)).await.map(Some),
        }
    }

    pub(super) async fn delete(&self, path: &str, directory: &Path) -> RuntimeResult<()> {
        let request = self.request(Method::DELETE, path, Some(directory)).timeout(ANSWER);
        check(request.send().await.map_err(|error| lost(&error))?, Some(directory)).await.map(drop)
    }
}

async fn check(response: Response, directory: Option<&Path>) -> RuntimeResult<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    Err(reason::refusal(status.as_u16(), &body, directory))
}

/// Unknown paths are answered with a page: what is no JSON is no answer.
async fn json(response: Response, directory: Option<&Path>) -> RuntimeResult<Value> {
    let response = check(response, directory).await?;
    let body = response.bytes().await.map_err(|error| lost(&error))?;
    read_answer(&body).ok_or_else(|| RuntimeError::unavailable("OpenCode answered with something that is no JSON."))
}
