//! The caller of a request, as extractors for the routes.

use super::holder::Known;
use super::live::Access;
use super::token::Opened;
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::keys::Scope;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use std::sync::Arc;

/// The key of a request. An empty header, or one of another scheme, counts as absent.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// The holder of this key, if the key has `scope`. The request ends when the key is revoked.
pub(crate) async fn of_key(app: &App, access: &Access, key: &str, scope: Scope) -> ApiResult<Known> {
    let known = app.keys.find(&*app.shared.store, key).await?;
    let known = app.keys.unless_guessed(known, key, access.line.peer)?;
    access.let_in(&app.keys.live, &known);
    app.keys.pace(&known.id, app.limits().requests_per_minute)?;
    known.must(scope)?;
    Ok(known)
}

async fn of_request(parts: &Parts, app: &App, scope: Scope) -> ApiResult<Known> {
    let access = access_of(parts)?;
    match bearer(&parts.headers) {
        Some(key) => of_key(app, access, key, scope).await,
        None => Err(ApiError::new(
            "unauthorized",
            "No API key came with the request; pass one to the client beside its address, or send `Authorization: Bearer KEY`.",
        )),
    }
}

/// Who brings this token of a chat, and how long it is good. The request ends when the key that made it is revoked, or the
/// secret that signed it is let go of.
pub(crate) async fn of_token(app: &App, access: &Access, token: &str, chat_id: &str) -> ApiResult<Option<Opened>> {
    let store = &*app.shared.store;
    let Some(opened) = app.signers.now(store).await?.open(token, chat_id) else { return Ok(None) };
    if !app.keys.is_good(store, &opened.made_by).await? {
        return Ok(None);
    }
    access.let_in_by_token(&app.keys.live, &opened);
    Ok(Some(opened))
}

/// The outermost layer puts it on every request.
fn access_of(parts: &Parts) -> ApiResult<&Access> {
    parts.extensions.get().ok_or_else(|| ApiError::internal(&"a request came without its access"))
}

impl FromRequestParts<Arc<App>> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> ApiResult<Self> {
        access_of(parts).cloned()
    }
}

/// A caller who may administer the server.
#[derive(Debug)]
pub(crate) struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        of_request(parts, app, Scope::Admin).await.map(|_| Self)
    }
}

/// A caller with full access to chats.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) owner: String,
    pub(crate) known: Known,
}

impl Caller {
    /// Refuses a request that the key does not allow.
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

/// A caller who may read files.
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
