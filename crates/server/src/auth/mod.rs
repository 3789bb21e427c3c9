//! Who asks: a key in `Authorization: Bearer`, or a stream token for reading one chat.

mod known;
mod signers;
mod token;

pub(crate) use known::Keys;
pub(crate) use signers::Signers;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::keys::Scope;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use std::sync::Arc;

/// The owner of what is made with keys of the command line.
pub(crate) const OWNER: &str = "default";

/// Who asks, known by a key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The key's name for itself; never the key.
    id: String,
    /// Whose chats these are.
    pub(crate) owner: String,
    scopes: Vec<Scope>,
}

impl Known {
    /// Refuses what the key may not do.
    fn must(&self, scope: Scope) -> ApiResult<()> {
        if scope.in_any(&self.scopes) {
            return Ok(());
        }
        let scope = scope.as_str();
        Err(ApiError::new("forbidden", format!("This API key may not do that; it needs the scope `{scope}`.")))
    }
}

/// The key a request brings. An empty header, or one of another scheme, counts as absent.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// Who brings this key, if it may do what `scope` is needed for.
pub(crate) async fn of_key(app: &App, key: &str, scope: Scope) -> ApiResult<Known> {
    let known = app.keys.find(&*app.shared.store, key).await?;
    let known = known.ok_or_else(|| {
        ApiError::new("unauthorized", "This API key does not open this server; check it, or make one there.")
    })?;
    app.keys.pace(&known.id, app.limits().requests_per_minute)?;
    known.must(scope)?;
    Ok(known)
}

async fn of_request(parts: &Parts, app: &App, scope: Scope) -> ApiResult<Known> {
    match bearer(&parts.headers) {
        Some(key) => of_key(app, key, scope).await,
        None => {
            Err(ApiError::new("unauthorized", "No API key came with the request; send `Authorization: Bearer KEY`."))
        }
    }
}

/// Who may do everything with chats.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) owner: String,
    known: Known,
}

impl Caller {
    /// Refuses what the key may not do.
    pub(crate) fn must(&self, scope: Scope) -> ApiResult<()> {
        self.known.must(scope)
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        let known = of_request(parts, app, Scope::Chat).await?;
        Ok(Self { owner: known.owner.clone(), known })
    }
}

/// Who may read files.
#[derive(Clone, Debug)]
pub(crate) struct FileReader {
    pub(crate) owner: String,
}

impl FromRequestParts<Arc<App>> for FileReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        let known = of_request(parts, app, Scope::FilesRead).await?;
        Ok(Self { owner: known.owner })
    }
}
