//! `POST /agent/v2/chat/{id}/question/{requestId}/reply` and `/reject`: answer a question, or refuse to.

use crate::app::App;
use crate::auth::Caller;
use crate::chats::Chat;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Read;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use turnwire::event::{InputRequest, Question};

#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    answers: Vec<Vec<String>>,
}

pub(crate) async fn reply(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, request_id)): Path<(String, String)>,
    body: Read<Body>,
) -> ApiResult<StatusCode> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    let question = find(&chat, &request_id)?;
    let (asked, answered) = (question.questions.len(), body.value.answers.len());
    if asked != answered {
        return Err(ApiError::invalid(format!(
            "`answers` has {answered} lists, and {asked} were asked for: one list of labels for each question, in their order."
        )));
    }
    let live = chat.live().await.ok_or_else(|| closed(&request_id))?;
    told(live.session.reply_to_question(request_id.clone(), body.value.answers).await?, &request_id)
}

pub(crate) async fn reject(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, request_id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    find(&chat, &request_id)?;
    let live = chat.live().await.ok_or_else(|| closed(&request_id))?;
    told(live.session.reject_question(request_id.clone()).await?, &request_id)
}

fn find(chat: &Chat, request_id: &str) -> ApiResult<Question> {
    if chat.ended() {
        return Err(ApiError::chat_ended(chat.id()));
    }
    match chat.open_request(request_id) {
        Some(InputRequest::Question(question)) => Ok(question),
        _ => Err(closed(request_id)),
    }
}

fn told(was_open: bool, request_id: &str) -> ApiResult<StatusCode> {
    if was_open { Ok(StatusCode::NO_CONTENT) } else { Err(closed(request_id)) }
}

fn closed(request_id: &str) -> ApiError {
    ApiError::new(
        "question_not_found",
        format!("Question {request_id:?} is not open in this chat; it may have been answered."),
    )
}
