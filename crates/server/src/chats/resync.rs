//! Resynchronizes a chat after the connection to its runtime was lost: missed events are reconstructed from the runtime's state.

use super::Chat;
use super::decide::{Decision, event};
use super::live::Live;
use super::missed_turns::missed_turns;
use crate::runtime::{OpenRequest, RequestKind, RuntimeResult};
use bytes::Bytes;
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use turnwire::event::InputRequest;

/// Events may be missing: what the runtime has now goes into the log, as far as it is of the turn that runs, or of one that began
/// meanwhile.
pub(super) async fn resync(chat: &Arc<Chat>, live: &Weak<Live>) {
    let Some(live) = live.upgrade() else { return };
    if let Err(error) = catch_up(chat, &live).await {
        tracing::warn!(%error, chat = chat.id(), "what was missed could not be read");
    }
    if chat.open_turn().is_none() {
        return;
    }
    match live.session.open_requests().await {
        Ok(open) => {
            let told = chat.folded().map(|turn| turn.requests).unwrap_or_default();
            let missed = missed(chat, &open, &told);
            chat.record(missed, Vec::new(), None);
        }
        Err(error) => tracing::warn!(%error, chat = chat.id(), "what is asked could not be read"),
    }
}

async fn catch_up(chat: &Arc<Chat>, live: &Live) -> RuntimeResult<()> {
    let messages = live.session.messages().await?;
    let busy = chat.open_turn().is_some() || live.session.busy().await?;
    // Under the lock, so that no turn begins between the check and the events that depend on it.
    let mut state = chat.state();
    let missed = match state.open {
        Some(_) => vec![Decision::Snapshot { messages }.event(chat.session_id())],
        None => missed_turns(&state, chat.session_id(), &messages, busy),
    };
    chat.record_in(&mut state, missed, Vec::new(), None);
    drop(state);
    chat.attend_to_unasked();
    Ok(())
}

/// The events of requests that were opened or settled while the connection was lost.
fn missed(chat: &Chat, open: &[OpenRequest], told: &[InputRequest]) -> Vec<Bytes> {
    let (mut events, mut begun) = (Vec::new(), HashSet::new());
    for OpenRequest { kind, request } in open {
        let id = request["id"].as_str().unwrap_or_default();
        if told.iter().any(|told| told.request_id() == id) {
            continue;
        }
        // The folder belongs to this chat alone, so an unknown session is that of a subagent that began meanwhile. This event
        // makes it known, so that its later events are accepted.
        let session = request["sessionID"].as_str().unwrap_or_default();
        if !chat.knows_session(session) && begun.insert(session) {
            let info = json!({ "id": session, "parentID": chat.session_id() });
            events.push(event("session.created", &json!({ "sessionID": session, "info": info })));
        }
        events.push(event(&format!("{}.asked", kind.as_str()), request));
    }
    for told in told {
        let id = told.request_id().as_str();
        if open.iter().any(|open| open.request["id"] == id) {
            continue;
        }
        // How it was settled is unknown; this event only says that it was.
        let mut properties = json!({ "sessionID": chat.session_id(), "requestID": id });
        let kind = match told {
            InputRequest::Question(_) => {
                properties["answers"] = json!([]);
                RequestKind::Question
            }
            _ => RequestKind::Permission,
        };
        events.push(event(&format!("{}.replied", kind.as_str()), &properties));
    }
    events
}
