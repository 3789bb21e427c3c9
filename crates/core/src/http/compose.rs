//! Composes a request: address, headers, body.

use super::header::{header_name, header_value};
use super::{Body, Client, Request, RequestOptions, Secret};
use crate::error::Result;
use ::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE, USER_AGENT,
};
use bytes::Bytes;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use url::Url;

impl Client {
    pub(super) fn address(&self, request: &Request, options: &RequestOptions) -> Result<Url> {
        let mut url = self.transport.url(&request.path)?;
        {
            let mut query = url.query_pairs_mut();
            for (name, value) in &request.query {
                if !options.query.contains_key(*name) {
                    query.append_pair(name, value);
                }
            }
            for (name, value) in &options.query {
                match value {
                    Value::Null => {}
                    Value::Array(values) => values.iter().for_each(|value| {
                        query.append_pair(name, &plain(value));
                    }),
                    value => {
                        query.append_pair(name, &plain(value));
                    }
                }
            }
            if let Some(token) = request.token.as_ref().or_else(|| self.lone_token()) {
                query.append_pair("token", token.expose());
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(url)
    }

    /// The client's stream token, where it has no key.
    fn lone_token(&self) -> Option<&Secret> {
        if self.transport.key().is_none() { self.transport.token() } else { None }
    }

    /// `key`: the idempotency key of all attempts of the request.
    pub(super) fn headers(&self, request: &Request, options: &RequestOptions, key: Option<&str>) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, header_value("User-Agent", self.transport.user_agent())?);
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        if request.is_stream() || request.follow_elsewhere {
            // A proxy that compresses holds events back; and a download's length is that of the bytes sent.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        } else {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if request.is_stream() {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        match &request.body {
            Body::None if options.body.is_empty() || !request.takes_fields() => {}
            Body::None | Body::Json(_) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Body::Bytes(_) | Body::Stream(_) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            }
        }
        if let (Some(key), None) = (self.transport.key(), &request.token) {
            let mut bearer = header_value("API key", &format!("Bearer {}", key.expose()))?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        if let Some(key) = key {
            headers.insert("idempotency-key", header_value("Idempotency-Key", key)?);
        }
        if let Some(trace) = self.transport.traceparent() {
            headers.insert("traceparent", header_value("traceparent", &trace)?);
        }
        for (name, text) in &request.headers {
            headers.insert(*name, header_value(name, text)?);
        }
        options.check()?;
        for (name, text) in &options.headers {
            let parsed = header_name(name)?;
            match text {
                Some(text) => {
                    let mut given = header_value(name, text)?;
                    given.set_sensitive(parsed == AUTHORIZATION);
                    headers.insert(parsed, given);
                }
                None => {
                    headers.remove(parsed);
                }
            }
        }
        Ok(headers)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `extended`: the request's body with the fields that the caller adds to it, see [`extended`]. `over`: what ends it early.
pub(super) fn body_of(request: &Request, extended: Option<&Bytes>, over: &CancellationToken) -> Option<reqwest::Body> {
    match &request.body {
        Body::None => extended.cloned().map(Into::into),
        Body::Bytes(bytes) => Some(bytes.clone().into()),
        Body::Stream(stream) => stream.take(over.clone()).map(reqwest::Body::wrap_stream),
        Body::Json(json) => Some(extended.unwrap_or(json).clone().into()),
    }
}

/// The JSON body with the fields that the caller adds to it; `None` if there are none.
pub(super) fn extended(request: &Request, options: &RequestOptions) -> Option<Bytes> {
    // Fields that all calls of a client are to have are for those that have a body.
    if options.body.is_empty() || !request.takes_fields() {
        return None;
    }
    let mut fields: Map<String, Value> = match &request.body {
        Body::Json(json) => serde_json::from_slice(json).unwrap_or_default(),
        _ => Map::new(),
    };
    fields.extend(options.body.clone());
    Some(Value::Object(fields).to_string().into())
}

pub(super) trait RetainPublic {
    /// Takes away all that another origin has no business to know.
    fn retain_public(&mut self);
}

impl RetainPublic for HeaderMap {
    fn retain_public(&mut self) {
        let public = [USER_AGENT, ACCEPT, ACCEPT_ENCODING, RANGE];
        let kept: HeaderMap =
            public.into_iter().filter_map(|name| self.get(&name).cloned().map(|value| (name, value))).collect();
        *self = kept;
    }
}
