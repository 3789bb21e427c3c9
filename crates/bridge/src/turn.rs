//! A turn for another language: its value, its handle, and waiting for its end beside a reader.

use crate::done::{Done, json};
use crate::pump::TurnPump;
use std::future::Future;
use turnwire::chat::PermissionReply;
use turnwire::event::InputRequest;
use turnwire::policy::attendance::Duty;
use turnwire::stream::{StreamState, TurnHandle};
use turnwire::{Error, RequestId, Result};

/// Where [`TurnPump::attend`] stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum Attended {
    /// The stream has ended: see [`TurnPump::outcome`].
    Ended,
    /// A request for a handler; call again after its answer.
    Asked(InputRequest),
    /// This became of the connection; come back.
    States(Vec<StreamState>),
}

impl TurnPump {
    /// The turn so far, as JSON: all that has been received, which may be a little more than was taken out.
    pub fn snapshot(&self) -> String {
        self.shared.with(|source| serde_json::to_string(source.stream.snapshot()).unwrap_or_default())
    }

    /// Where to go on after the event of this number.
    pub fn cursor_after(&self, seq: u64) -> Option<String> {
        self.shared.with(|source| source.stream.cursor_after(seq).map(|cursor| cursor.to_string()))
    }

    /// Answers, refuses, allows and cancels.
    pub fn handle(&self) -> TurnHandle {
        self.shared.with(|source| source.stream.handle())
    }

    /// The error of a reader that waits for the end while the agent waits for an answer without a handler.
    pub fn input_required(&self) -> Option<Error> {
        self.shared.with(|source| {
            let open = &source.stream.snapshot().requests;
            let in_vain = !open.is_empty() && source.stream.handle().waits_in_vain(open, source.policies);
            in_vain.then(|| source.stream.required())
        })
    }

    /// The turn of a stream that has ended, as JSON, or why there is none.
    ///
    /// # Errors
    /// Those of [`TurnStream::outcome`](turnwire::TurnStream::outcome).
    pub fn outcome(&self) -> Result<String> {
        json(&self.shared.with(|source| source.stream.outcome())?)
    }

    /// Reads on to the end, or to what a handler has to answer. It takes nothing away: what it reads is kept, within
    /// bounds, for whoever reads after it or beside it.
    ///
    /// # Errors
    /// What the stream ends with; [`ErrorKind::InputRequired`](turnwire::ErrorKind::InputRequired) where nobody is there
    /// to answer what the agent asks.
    pub fn attend(&self) -> impl Future<Output = Result<Attended>> + Send + use<> {
        let shared = self.shared.clone();
        async move {
            loop {
                let (states, ended) = {
                    let mut queue = shared.queue();
                    (queue.take_states(), queue.ended)
                };
                if !states.is_empty() {
                    return Ok(Attended::States(states));
                }
                if ended {
                    return Ok(Attended::Ended);
                }
                let duty = shared.with(|source| {
                    let open = &source.stream.snapshot().requests;
                    match source.stream.handle().attend(open, source.policies) {
                        Duty::InputRequired => Err(source.stream.required()),
                        duty => Ok(duty),
                    }
                })?;
                if let Duty::Ask(request) = duty {
                    return Ok(Attended::Asked(request));
                }
                // Nobody may ever take what this reads, so it does not wait for room.
                shared.read(usize::MAX).await;
            }
        }
    }

    /// [`TurnPump::attend`] as JSON: the request, a list of states, or nothing at the end.
    pub fn attend_json(&self) -> impl Future<Output = Result<Done>> + Send + use<> {
        let attending = self.attend();
        async move {
            match attending.await? {
                Attended::Asked(request) => Ok(Done::Value(json(&request)?)),
                Attended::States(states) => Ok(Done::Value(json(&states)?)),
                Attended::Ended => Ok(Done::Nothing),
            }
        }
    }

    /// Answers a question.
    pub fn answer(&self, id: &str, answers: Vec<Vec<String>>) -> impl Future<Output = Result<Done>> + Send + use<> {
        let replied = self.handle().answer(&RequestId::from(id), answers);
        async move { replied.await.map(|()| Done::Nothing) }
    }

    /// Refuses a question.
    pub fn reject(&self, id: &str) -> impl Future<Output = Result<Done>> + Send + use<> {
        let replied = self.handle().reject(&RequestId::from(id));
        async move { replied.await.map(|()| Done::Nothing) }
    }

    /// Replies to a permission, by the reply's word.
    ///
    /// # Errors
    /// There is no such reply.
    pub fn allow(
        &self,
        id: &str,
        reply: &str,
        message: Option<String>,
    ) -> Result<impl Future<Output = Result<Done>> + Send + use<>> {
        let reply = PermissionReply::from_word(reply, message)?;
        let replied = self.handle().allow(&RequestId::from(id), reply);
        Ok(async move { replied.await.map(|()| Done::Nothing) })
    }

    /// Cancels this turn.
    pub fn cancel(&self) -> impl Future<Output = Result<Done>> + Send + use<> {
        let cancelled = self.handle().cancel();
        async move { Ok(Done::Value(json(&cancelled.await?)?)) }
    }

    /// Whether this request is still to be put to a handler; the one who asks does so.
    pub fn claim(&self, id: &str) -> bool {
        self.handle().claim(&RequestId::from(id))
    }

    /// The handler of this request failed.
    pub fn retract(&self, id: &str) {
        self.handle().retract(&RequestId::from(id));
    }

    /// Cancels the turn of a caller that has failed, if closing cancels it.
    pub fn abandon(&self) -> impl Future<Output = Result<Done>> + Send + use<> {
        let handle = self.shared.with(|source| source.stream.give_up());
        async move {
            if let Some(handle) = handle {
                handle.abandon().await;
            }
            Ok(Done::Nothing)
        }
    }

    /// Reads to the end; then as [`TurnPump::outcome`].
    ///
    /// # Errors
    /// What the stream ends with.
    pub async fn result(&self) -> Result<String> {
        while !matches!(self.attend().await?, Attended::Ended) {}
        self.outcome()
    }
}
