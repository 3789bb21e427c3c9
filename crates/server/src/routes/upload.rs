//! `PUT /agent/v2/chat/{id}/files/{filePath}`: write a file into the workspace, whole or not at all.

use super::files::workspace_of;
use crate::app::App;
use crate::auth::Caller;
use crate::data::UPLOADS;
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::workspace::{self, Entry};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// So long nothing may come.
const STANDSTILL: Duration = Duration::from_secs(60);

pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<Entry>> {
    let path = workspace::relative(&path)?;
    let root = workspace_of(&app, &caller.owner, &id).await?;
    let limit = app.limits().upload_bytes;
    let told =
        headers.get(header::CONTENT_LENGTH).and_then(|told| told.to_str().ok()).and_then(|told| told.parse().ok());
    if told.is_some_and(|told: u64| told > limit) {
        return Err(too_large(limit));
    }
    let asked = path.clone();
    // What cannot be put anywhere need not be sent.
    let (at, to) = (root.clone(), asked.clone());
    off_thread(move || workspace::prepare(&at, &to)).await?;
    let whole = Whole::begin(app.shared.data.path()).await?;
    let size_bytes = whole.take_in(body, limit).await?;
    off_thread(move || workspace::put(&root, &asked, &whole.0)).await?;
    let path = path.to_string_lossy().into_owned();
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Json(Entry { name, path, size_bytes }))
}

async fn off_thread(work: impl FnOnce() -> ApiResult<()> + Send + 'static) -> ApiResult<()> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

fn too_large(limit: u64) -> ApiError {
    ApiError::new("payload_too_large", format!("The file is larger than {} MiB; upload it in pieces.", limit >> 20))
}

/// A file in the making, outside the workspace but on the same disk; gone unless it is put in its place.
struct Whole(PathBuf);

impl Drop for Whole {
    fn drop(&mut self) {
        // After it was put in its place there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Whole {
    async fn begin(data: &std::path::Path) -> ApiResult<Self> {
        let folder = data.join(UPLOADS);
        tokio::fs::create_dir_all(&folder).await.map_err(|error| ApiError::of_file(&error))?;
        Ok(Self(folder.join(ids::random_text::<20>())))
    }

    async fn take_in(&self, mut body: Body, limit: u64) -> ApiResult<u64> {
        let mut file = tokio::fs::File::create_new(&self.0).await.map_err(|error| ApiError::of_file(&error))?;
        let mut size = 0;
        let silent = |_| ApiError::invalid("The upload stood still; nothing was written. Send it again.");
        while let Some(frame) = tokio::time::timeout(STANDSTILL, body.frame()).await.map_err(silent)? {
            let frame =
                frame.map_err(|_| ApiError::invalid("The upload broke off; nothing was written. Send it again."))?;
            let Ok(bytes) = frame.into_data() else { continue };
            size += bytes.len() as u64;
            if size > limit {
                return Err(too_large(limit));
            }
            file.write_all(&bytes).await.map_err(|error| ApiError::of_file(&error))?;
        }
        file.flush().await.map_err(|error| ApiError::of_file(&error))?;
        file.sync_all().await.map_err(|error| ApiError::of_file(&error))?;
        Ok(size)
    }
}
