//! Who asks: a key in `Authorization: Bearer`, or a stream token for reading one chat.

pub(crate) mod token;

use crate::app::App;
use crate::config::ApiKey;
use crate::error::ApiError;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// The keys that open the server, hashed: nothing in memory or in a dump opens it.
pub(crate) struct Keys(Vec<[u8; 32]>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    pub(crate) fn new(keys: &[ApiKey]) -> Self {
        Self(keys.iter().filter(|key| !key.expose().is_empty()).map(|key| hash(key.expose())).collect())
    }

    /// Every key is compared in full, so that the time says nothing.
    fn opens(&self, key: &str) -> bool {
        let asked = hash(key);
        self.0.iter().fold(subtle::Choice::from(0), |found, key| found | key.ct_eq(&asked)).into()
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Who asks, known by a key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Whose chats these are.
    pub(crate) owner: String,
}

/// The owner of everything, while keys have no owners of their own.
pub(crate) const OWNER: &str = "default";

/// The key a request brings. An empty header, or one of another scheme, counts as absent.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

impl Caller {
    /// Who brings this key.
    pub(crate) fn of_key(app: &App, key: &str) -> Result<Self, ApiError> {
        if app.keys.opens(key) {
            return Ok(Self { owner: OWNER.to_owned() });
        }
        Err(ApiError::new("unauthorized", "This API key does not open this server; check it, or make one there."))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match bearer(&parts.headers) {
            Some(key) => Self::of_key(app, key),
            None => Err(ApiError::new(
                "unauthorized",
                "No API key came with the request; send `Authorization: Bearer KEY`.",
            )),
        }
    }
}
