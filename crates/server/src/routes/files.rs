//! `GET /agent/v2/chat/{id}/files` and `GET` and `DELETE` of `/{filePath}`: list the workspace, download and remove from it.

use crate::app::App;
use crate::auth::{Caller, FileReader};
use crate::error::{ApiError, ApiResult};
use crate::workspace;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// What stands as it is in `filename*`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');
const PIECE: usize = 64 * 1024;

/// The chat's workspace, if its files can be had.
pub(super) async fn workspace_of(app: &App, owner: &str, id: &str) -> ApiResult<PathBuf> {
    let chat = app.chats.get(id, owner).await?;
    if chat.ended() {
        return Err(ApiError::chat_ended(id));
    }
    let present = app.shared.data.present_workspace(chat.id());
    // It goes with a chat that ends.
    present.map_err(|error| if chat.ended() { ApiError::chat_ended(id) } else { error })
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: FileReader,
    Path(id): Path<String>,
) -> ApiResult<Json<Value>> {
    let root = workspace_of(&app, &caller.owner, &id).await?;
    let files = tokio::task::spawn_blocking(move || workspace::list(&root)).await;
    let files = files.map_err(|error| ApiError::internal(&error))?.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(json!({ "chatId": id, "files": files })))
}

pub(crate) async fn download(
    State(app): State<Arc<App>>,
    caller: FileReader,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let path = workspace::relative(&path)?;
    let root = workspace_of(&app, &caller.owner, &id).await?;
    let asked = path.clone();
    let opened = tokio::task::spawn_blocking(move || workspace::open(&root, &asked)).await;
    let (file, size) = opened.map_err(|error| ApiError::internal(&error))??;
    let tag = entity_tag(&file, size);
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // A range of the file it was asked of: of one that changed meanwhile the whole is sent.
    let unchanged = text(header::IF_RANGE).is_none_or(|asked| Some(asked) == tag.as_deref());
    let range = text(header::RANGE).filter(|_| unchanged).map_or(Asked::Whole, |range| range_of(range, size));
    let range = match range {
        Asked::Whole => None,
        Asked::Part(from, length) => Some((from, length)),
        Asked::Beyond => return Err(ApiError::beyond(size)),
    };
    let (from, length) = range.unwrap_or((0, size));
    let mut file = tokio::fs::File::from_std(file);
    if from > 0 {
        file.seek(SeekFrom::Start(from)).await.map_err(|error| ApiError::internal(&error))?;
    }
    // Bounded by the length told: a file that grows meanwhile must not make the answer longer.
    let mut response = Body::from_stream(ReaderStream::with_capacity(file.take(length), PIECE)).into_response();
    let about = response.headers_mut();
    let mime = mime_guess::from_path(&path).first_or_octet_stream();
    if let Ok(mime) = HeaderValue::from_str(mime.essence_str()) {
        about.insert(header::CONTENT_TYPE, mime);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(&name, PLAIN));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        about.insert(header::CONTENT_DISPOSITION, disposition);
    }
    about.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    about.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        about.insert(header::ETAG, tag);
    }
    about.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if range.is_some() {
        let told = format!("bytes {from}-{}/{size}", from + length - 1);
        if let Ok(told) = HeaderValue::from_str(&told) {
            about.insert(header::CONTENT_RANGE, told);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, path)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let path = workspace::relative(&path)?;
    let root = workspace_of(&app, &caller.owner, &id).await?;
    let removed = tokio::task::spawn_blocking(move || workspace::remove(&root, &path)).await;
    removed.map_err(|error| ApiError::internal(&error))??;
    Ok(StatusCode::NO_CONTENT)
}

/// What tells this state of a file from any other: when it was written, and its size.
fn entity_tag(file: &std::fs::File, size: u64) -> Option<String> {
    let written = file.metadata().ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("\"{:x}-{size:x}\"", written.as_nanos()))
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Several ranges, or something else that is no range, count as not asked: the standard leaves that free.
    Whole,
    /// Where it begins, and how long it is.
    Part(u64, u64),
    /// Nothing of the file is in it.
    Beyond,
}

fn range_of(range: &str, size: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (first, last) = match (first.trim(), last.trim()) {
        ("", length) => match number(length) {
            Some(0) => return Asked::Beyond,
            Some(length) => (Some(size.saturating_sub(length)), Some(u64::MAX)),
            None => (None, None),
        },
        (first, "") => (number(first), Some(u64::MAX)),
        (first, last) => (number(first), number(last)),
    };
    match (first, last, size) {
        (Some(first), Some(last), _) if first > last => Asked::Whole,
        // The end of nothing is nothing, and no part of it.
        (Some(0), Some(u64::MAX), 0) if range.starts_with("bytes=-") => Asked::Whole,
        (Some(first), Some(_), _) if first >= size => Asked::Beyond,
        (Some(first), Some(last), _) => Asked::Part(first, last.min(size - 1) - first + 1),
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, range_of};

    /// PROTOCOL FILE-2.
    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        for (range, expected) in [
            ("bytes=0-", Asked::Part(0, 10)),
            ("bytes=2-4", Asked::Part(2, 3)),
            ("bytes=2-400", Asked::Part(2, 8)),
            ("bytes=-3", Asked::Part(7, 3)),
            ("bytes=-30", Asked::Part(0, 10)),
            ("bytes=9-", Asked::Part(9, 1)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=10-20", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=4-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=x-", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("bytes=", Asked::Whole),
        ] {
            assert_eq!(range_of(range, 10), expected, "{range}");
        }
        assert_eq!(range_of("bytes=0-", 0), Asked::Beyond);
        assert_eq!(range_of("bytes=-5", 0), Asked::Whole);
    }
}
