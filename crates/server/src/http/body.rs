//! Bodies of requests: bounded, read as JSON whatever their content type, an empty one as `{}`.

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The timeout for reading a body.
const BODY_TIME: Duration = Duration::from_secs(60);

/// A JSON body, with its bytes.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Read<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> ApiResult<Self> {
        let limit = app.limits().body_bytes;
        let told = request.headers().get(header::CONTENT_LENGTH);
        let told = told.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<u64>().ok());
        if told.is_some_and(|told| told > limit as u64) {
            return Err(too_large(limit));
        }
        let body = tokio::time::timeout(BODY_TIME, Limited::new(request.into_body(), limit).collect()).await;
        let body = body.map_err(|_| ApiError::invalid("The request's body took too long to come; send it again."))?;
        let bytes = match body {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
            Err(_) => return Err(ApiError::invalid("The request's body broke off; send it again.")),
        };
        let value = parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        "payload_too_large",
        format!("The request's body is larger than {} KiB; send less, or upload a file instead.", limit / 1024),
    )
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let text = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
    {
        return Err(ApiError::invalid("The request's body must be a JSON object."));
    }
    serde_json::from_slice(text).map_err(|error| {
        let message = if error.is_data() {
            format!("The request's body does not fit: {error}.")
        } else {
            format!("The request's body is no JSON: {error}.")
        };
        ApiError::invalid(message)
    })
}
