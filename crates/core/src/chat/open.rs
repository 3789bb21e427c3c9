//! Sending a prompt and opening the turn that answers it.

use super::respond::{OnConflict, Respond};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Client, Clocks, Request, RequestOptions, Service, random_key};
use crate::id::ChatId;
use crate::stream::{EventBody, Foreign, Resume, TurnStream, TurnTarget, Wishes};
use ::http::Method;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

impl Respond {
    /// Sends the prompt and opens its turn.
    ///
    /// Where closing is to cancel the turn, a caller that is gone before the stream is open leaves no turn behind either:
    /// what was sent is seen through to its answer, and the stream that opens is closed.
    pub(super) async fn open(self) -> Result<TurnStream> {
        if !self.cancel_on_close {
            return self.send(&CancellationToken::new()).await;
        }
        let gone = CancellationToken::new();
        let sending = gone.clone();
        let opening = tokio::spawn(async move { self.send(&sending).await });
        let _guard = gone.drop_guard();
        opening.await.map_err(|error| {
            Error::new("aborted", "The runtime stopped while the turn was opened.").with_source(error)
        })?
    }

    async fn send(self, gone: &CancellationToken) -> Result<TurnStream> {
        let Self { client, chat_id, prompt, options, on_conflict, cancel_on_close, resume, handlers, on_state } = self;
        prompt.check()?;
        let mut options = options.over(&client.options);
        if cancel_on_close {
            // Under its key the turn is found again where its answer does not come in time.
            options.idempotency_key.get_or_insert_with(random_key);
        }
        let clocks = Clocks::of(options.timeout);
        let request = Request::new("respond", Method::POST)
            .creates()
            .event_stream()
            .chat(&chat_id)?
            .word("respond")
            .json(&prompt)?;
        let opening = async {
            let through_relay = resume == Resume::Relay && client.ask_service(&request, &clocks).await != Service::Ours;
            let foreign = if through_relay { Some(Foreign::drop_in(&client, &chat_id, &options).await?) } else { None };
            let mut attempt = 0;
            let answer = loop {
                match client.send(&request, &options, &clocks).await {
                    Err(error) if error.kind() == ErrorKind::TurnConflict && on_conflict != OnConflict::Error => {
                        let way = make_way(&client, &chat_id, &error, on_conflict, attempt);
                        gone.run_until_cancelled(way).await.unwrap_or_else(|| Err(error))?;
                        attempt += 1;
                    }
                    answer => break answer?,
                }
            };
            Ok((EventBody::new(answer, TurnTarget::decoder(&client), clocks.idle).await?, foreign))
        };
        let canceller = cancel_on_close.then(|| client.outliving());
        let opened = client.within(clocks.deadline, opening).await;
        if let (Err(error), Some(client)) = (&opened, &canceller)
            && error.is_timeout()
        {
            withdraw(client.clone(), chat_id.clone(), request, options.clone());
        }
        let (body, foreign) = opened?;
        let target = TurnTarget { client, options, clocks, chat_id };
        Ok(TurnStream::over(target, body, Wishes { handlers, on_state, resume, foreign, canceller }))
    }
}

/// Cancels, in the background, the turn of a request whose answer did not come in time. Our service gives that turn to
/// whoever repeats the request under its key, which also keeps a request that is still on its way from starting another.
fn withdraw(client: Client, chat_id: ChatId, request: Request, options: RequestOptions) {
    let options = RequestOptions { timeout: None, ..options };
    let clocks = Clocks::of(None);
    tokio::spawn(async move {
        let withdrawn = async {
            if client.ask_service(&request, &clocks).await != Service::Ours {
                return Ok(());
            }
            let answer = client.send(&request, &options, &clocks).await?;
            let body = EventBody::new(answer, TurnTarget::decoder(&client), clocks.idle).await?;
            match body.header("turnwire-turn-id") {
                Some(turn_id) => client.chat().cancel_turn(chat_id, turn_id).await.map(drop),
                None => Ok(()),
            }
        };
        if let Err(error) = withdrawn.await {
            tracing::warn!(%error, "the turn of a message that was given up could not be cancelled");
        }
    });
}

/// Waits until the turn that is in the way has ended, cancelling it first where that is wanted.
async fn make_way(client: &Client, chat_id: &ChatId, conflict: &Error, how: OnConflict, attempt: u32) -> Result<()> {
    let active = conflict.active_turn_id();
    if how == OnConflict::Cancel {
        match active {
            Some(turn_id) => client.chat().cancel_turn(chat_id, turn_id).await?,
            None => client.chat().cancel(chat_id).await?,
        };
    }
    if let (Some(turn_id), Service::Ours) = (active, client.service()) {
        let mut stream = client.chat().attach_turn(chat_id, turn_id).await?;
        // How it ended is its own affair.
        while stream.try_next().await?.is_some() {}
        return Ok(());
    }
    let wait = crate::policy::backoff::retry(attempt, fastrand::f64()).max(Duration::from_millis(1));
    sleep(wait.mul_f64(client.backoff_scale())).await;
    Ok(())
}
