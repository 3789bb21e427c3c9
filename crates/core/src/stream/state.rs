//! The resume policy of a stream, and the states of its connection.

use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;
use std::time::Duration;

/// How a turn resumes after its connection broke.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::Resume;
///
/// let stream = client.chat().respond("chat_1", "Go on.").resume(Resume::Relay).await?;
/// # let _ = stream;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Resume {
    /// Through the turn stream, where the service is ours.
    #[default]
    Auto,
    /// Through the relay where there is no turn stream; costs a second connection.
    Relay,
    /// Not at all.
    Off,
}

/// A change of a stream's connection. None of them is an item of the stream: its events come as if nothing had been.
///
/// As JSON: `{"state":"resuming","attempt","waitMs","cause"}` and `{"state":"resumed"}`.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::stream::StreamState;
///
/// let respond = client.chat().respond("chat_1", "Go on.").on_state(|state| match state {
///     StreamState::Resuming { attempt, wait, .. } => eprintln!("connection lost, attempt {attempt} in {wait:?}"),
///     _ => eprintln!("resumed"),
/// });
/// # let _ = respond.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
#[non_exhaustive]
pub enum StreamState {
    /// The connection broke and will be resumed.
    Resuming {
        /// How many attempts in a row this makes, from 1.
        attempt: u32,
        /// The wait before it.
        #[serde(rename = "waitMs", serialize_with = "milliseconds")]
        wait: Duration,
        /// The code of what broke it; `end` where the stream just ended.
        cause: String,
    },
    /// Events come again.
    Resumed,
}

pub(crate) type OnState = Arc<dyn Fn(&StreamState) + Send + Sync>;

fn milliseconds<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}
