//! `POST /agent/v2/chat/{id}/message`: run a turn and answer with it once it has ended, whatever its status.

use super::respond::{accept, tell};
use super::shape::PromptShape;
use crate::app::App;
use crate::auth::Caller;
use crate::chats::whole_turn;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Read;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use turnwire::{Turn, TurnId};

pub(crate) async fn message(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Read<PromptShape>,
) -> ApiResult<Response> {
    let (chat, accepted) = accept(&app, &caller, &id, "message", &headers, body).await?;
    let turn =
        ended(whole_turn(&chat, accepted.turn_id.clone(), accepted.cursor), &app.stop, &accepted.turn_id).await?;
    let mut response = Json(turn).into_response();
    tell(&mut response, &accepted);
    Ok(response)
}

/// The turn of a prompt that was accepted, unless the server stops first.
async fn ended(
    turn: impl Future<Output = ApiResult<Turn>>,
    stop: &CancellationToken,
    turn_id: &TurnId,
) -> ApiResult<Turn> {
    tokio::select! {
        biased;
        turn = turn => turn,
        // No 503 with `Retry-After`: it means that nothing was accepted, so a client without an idempotency key would send
        // the prompt twice. PROTOCOL RETRY-2.
        () = stop.cancelled() => Err(ApiError::new(
            "internal",
            format!("The server is stopping. It has accepted turn {turn_id}: read that turn in a moment, and do not prompt again."),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use turnwire::policy::retry;

    /// PROTOCOL SEND-5, RETRY-2.
    #[tokio::test]
    async fn an_accepted_prompt_is_not_sent_again_because_the_server_stops() {
        let stop = CancellationToken::new();
        stop.cancel();
        let error = ended(std::future::pending(), &stop, &TurnId::from("turn_1")).await.unwrap_err();
        let answer = error.render("req_1");
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let outcome = retry::Outcome::Status {
            status: answer.status().as_u16(),
            retry_after: retry::retry_after(header, std::time::SystemTime::now()),
            should_retry: None,
        };
        // A client that sent no idempotency key.
        let once = retry::Situation { repeatable: false, attaches: false, retries: 0, max_retries: 2 };
        assert_eq!(retry::next(&outcome, &once, 0.5), None, "{outcome:?}");
    }
}
