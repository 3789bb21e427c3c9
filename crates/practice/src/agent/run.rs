//! A turn from its prompt to idle, in the order `OpenCode` tells it.

use super::answer::{Answer, Ended};
use super::turn::Turn;
use super::{Prompt, Shared, event};
use crate::script::Script;
use serde_json::json;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) async fn run(shared: Arc<Shared>, prompt: Prompt, abort: CancellationToken) {
    let Some(mut turn) = Turn::new(shared, &prompt) else { return };
    let script = turn.take(prompt.parts).await;
    let mut results = Vec::new();
    loop {
        if !results.is_empty() {
            turn.status("busy").await;
        }
        let mut answer = Answer::begin(&turn).await;
        turn.tell_session(results.is_empty()).await;
        turn.status("busy").await;
        let step = script.step(&results);
        let ended = tokio::select! {
            biased;
            () = abort.cancelled() => Ended::Failed(event::aborted()),
            ended = answer.play(step.as_ref()) => ended,
        };
        match ended {
            Ended::Failed(error) => {
                turn.error(&error).await;
                turn.idle().await;
                answer.close().await;
                // Before what ends the turn is told, so that whoever reads it can prompt at once.
                let last = answer.into_failed(&error);
                turn.release();
                turn.message(&last).await;
                return turn.idle().await;
            }
            Ended::Called(output) => results.push(output),
            Ended::Rejected => break,
            Ended::Stopped => {
                turn.status("busy").await;
                break;
            }
        }
    }
    turn.release();
    turn.idle().await;
    turn.tell_session(true).await;
    if let Script::Again(words) = script {
        let parts = vec![json!({ "type": "text", "text": words })];
        let again = Prompt { session_id: turn.session_id.clone(), parts, ..Prompt::default() };
        // Somebody else may have been quicker.
        let _ = turn.shared.prompt(again);
    }
}
