//! Options, of a client or of one call.

use super::header::{header_name, header_value};
use crate::error::{Error, Result};
use crate::time::millis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;

/// The clocks of a call. `None` keeps the default (or what the client was set to); [`Duration::ZERO`] switches a clock
/// off.
///
/// As JSON: `{connectMs, answerMs, idleMs, totalMs}`, or one number of milliseconds for `answerMs` and `idleMs`.
///
/// ```
/// use std::time::Duration;
/// use turnwire::Timeout;
///
/// let clocks = Timeout::from(Duration::from_secs(10)).total(Duration::from_secs(600));
/// assert_eq!((clocks.answer, clocks.connect), (Some(Duration::from_secs(10)), None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// Connecting. Default 5 s.
    pub connect: Option<Duration>,
    /// Until the answer's headers have come, connecting included. Default 60 s.
    pub answer: Option<Duration>,
    /// Between two bytes of an answer, comments of a stream counting. Default: 45 s once the stream has shown that the
    /// service sends comments, else 300 s.
    pub idle: Option<Duration>,
    /// The whole call, including retries and resumes. Default: none.
    pub total: Option<Duration>,
}

impl Timeout {
    /// Every clock at its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connecting.
    #[must_use]
    pub fn connect(self, clock: Duration) -> Self {
        Self { connect: Some(clock), ..self }
    }

    /// Until the answer's headers have come.
    #[must_use]
    pub fn answer(self, clock: Duration) -> Self {
        Self { answer: Some(clock), ..self }
    }

    /// Between two bytes of an answer.
    #[must_use]
    pub fn idle(self, clock: Duration) -> Self {
        Self { idle: Some(clock), ..self }
    }

    /// For the whole call.
    #[must_use]
    pub fn total(self, clock: Duration) -> Self {
        Self { total: Some(clock), ..self }
    }

    /// `self` where it says something, else `base`.
    #[must_use]
    pub fn or(self, base: Self) -> Self {
        Self {
            connect: self.connect.or(base.connect),
            answer: self.answer.or(base.answer),
            idle: self.idle.or(base.idle),
            total: self.total.or(base.total),
        }
    }
}

impl From<Duration> for Timeout {
    /// One duration is the answer and the idle clock, never the whole turn.
    fn from(clock: Duration) -> Self {
        Self { answer: Some(clock), idle: Some(clock), ..Self::default() }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "the names travel")]
struct Clocks {
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_ms: Option<u64>,
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Clocks {
            connect_ms: millis::of(self.connect),
            answer_ms: millis::of(self.answer),
            idle_ms: millis::of(self.idle),
            total_ms: millis::of(self.total),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "clocks are numbers of milliseconds")]
        enum Given {
            Number(f64),
            Clocks(Clocks),
        }
        Ok(match Given::deserialize(deserializer)? {
            Given::Number(ms) => {
                Self::from(Duration::try_from_secs_f64(ms / 1000.0).map_err(serde::de::Error::custom)?)
            }
            Given::Clocks(clocks) => Self {
                connect: clocks.connect_ms.map(Duration::from_millis),
                answer: clocks.answer_ms.map(Duration::from_millis),
                idle: clocks.idle_ms.map(Duration::from_millis),
                total: clocks.total_ms.map(Duration::from_millis),
            },
        })
    }
}

/// The options of one call, or through [`Client::with_options`](crate::Client::with_options) of all.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::RequestOptions;
///
/// let traced = client.with_options(RequestOptions::new().header("x-team", "search").max_retries(4));
/// let chat = traced.chat().retrieve("chat_1").await?;
/// # let _ = chat;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// How often a request is sent again at most, where that is safe. Default 2. Resumes of a stream do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// The `Idempotency-Key` of create, respond and message. Default: a random one for each call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Headers to add; a value of `None` removes one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Option<String>>,
    /// Query parameters to add; lists repeat the name, `null` removes one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Value>,
    /// Fields to add to a JSON body; they win over the operation's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub body: Map<String, Value>,
}

impl RequestOptions {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The clocks; earlier settings stay for clocks that are not set here.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = Some(timeout.into().or(self.timeout.unwrap_or_default()));
        self
    }

    /// How often a request is sent again at most, where that is safe.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// The `Idempotency-Key` of create, respond and message.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// A header to add.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), Some(value.into()));
        self
    }

    /// A query parameter to add.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.query.insert(name.into(), value.into());
        self
    }

    /// A field to add to a JSON body.
    #[must_use]
    pub fn body(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.body.insert(name.into(), value.into());
        self
    }

    /// `self` where it says something, else `base`; headers, query and body are merged by name.
    #[must_use]
    pub fn over(mut self, base: &Self) -> Self {
        self.timeout = match (self.timeout, base.timeout) {
            (Some(own), Some(base)) => Some(own.or(base)),
            (own, base) => own.or(base),
        };
        self.max_retries = self.max_retries.or(base.max_retries);
        self.idempotency_key = self.idempotency_key.or_else(|| base.idempotency_key.clone());
        for (name, value) in &base.headers {
            if !self.headers.keys().any(|own| own.eq_ignore_ascii_case(name)) {
                self.headers.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in &base.query {
            self.query.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for (name, value) in &base.body {
            self.body.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }
}

impl RequestOptions {
    /// Refuses by name what no request can carry, and two headers of one name, of which one would be lost. It is looked at
    /// where a client is built and where a call is made; a binding looks earlier.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub fn check(&self) -> Result<()> {
        let mut names = HashSet::new();
        for (name, value) in &self.headers {
            let parsed = header_name(name)?;
            if let Some(value) = value {
                header_value(name, value)?;
            }
            if !names.insert(parsed) {
                return Err(Error::new("invalid_argument", format!("The header {name} is given twice.")));
            }
        }
        if let Some(key) = &self.idempotency_key {
            if key.is_empty() {
                return Err(Error::new("invalid_argument", "The Idempotency-Key is empty; leave it out, or give one."));
            }
            header_value("Idempotency-Key", key)?;
        }
        Ok(())
    }
}

/// Operations that are not idempotent, and accept a key for that.
const KEYED: [&str; 4] = ["create", "respond", "message", "sendMessage"];

/// Operations that send no JSON. A stream's own requests are among them.
const BODILESS: [&str; 13] = [
    "attach",
    "delete",
    "files.delete",
    "files.download",
    "files.list",
    "files.upload",
    "list",
    "messages.list",
    "resume",
    "retrieve",
    "stream",
    "turns.retrieve",
    "turns.stream",
];

impl RequestOptions {
    /// Refuses options of one call that it would not honour; those of a client are for the calls they fit. The name of the
    /// operation is that of the contract, as a binding has it.
    ///
    /// # Errors
    /// `invalid_argument`.
    // For the bindings, which check a call before it is queued.
    #[doc(hidden)]
    pub fn check_for(&self, operation: &str) -> Result<()> {
        let refuse = |why: &str| Err(Error::new("invalid_argument", why));
        if self.idempotency_key.is_some() && !KEYED.contains(&operation) {
            return refuse(
                "An Idempotency-Key is for create, respond and message; this call may be repeated without one.",
            );
        }
        if !self.body.is_empty() && BODILESS.contains(&operation) {
            return refuse(
                "This call sends no JSON body that fields (extra_body, body) could be added to; leave them out.",
            );
        }
        Ok(())
    }
}

impl fmt::Debug for RequestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of headers and query may be secrets: only their names are shown.
        f.debug_struct("RequestOptions")
            .field("timeout", &self.timeout)
            .field("max_retries", &self.max_retries)
            .field("headers", &self.headers.keys())
            .field("query", &self.query.keys())
            .field("body", &self.body.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_answer_and_the_idle_clock_never_the_whole_turn() {
        let options: RequestOptions = serde_json::from_str(r#"{"timeout":1500}"#).unwrap();
        let timeout = options.timeout.unwrap();
        assert_eq!(timeout.answer, Some(Duration::from_millis(1500)));
        assert_eq!(timeout.idle, Some(Duration::from_millis(1500)));
        assert_eq!((timeout.connect, timeout.total), (None, None));
    }

    #[test]
    fn the_calls_own_options_win_over_the_clients_by_name() {
        let client: RequestOptions = serde_json::from_str(
            r#"{"maxRetries":5,"headers":{"X-A":"1","x-b":"2"},"timeout":{"connectMs":1,"totalMs":9}}"#,
        )
        .unwrap();
        let call: RequestOptions =
            serde_json::from_str(r#"{"headers":{"x-a":null},"timeout":{"connectMs":7}}"#).unwrap();
        let both = call.over(&client);
        assert_eq!(both.max_retries, Some(5));
        assert_eq!(both.headers.get("x-a"), Some(&None));
        assert_eq!(both.headers.get("X-A"), None);
        assert_eq!(both.headers.get("x-b"), Some(&Some("2".to_owned())));
        let timeout = both.timeout.unwrap();
        assert_eq!(timeout.connect, Some(Duration::from_millis(7)));
        assert_eq!(timeout.total, Some(Duration::from_millis(9)));
    }

    #[test]
    fn values_of_headers_are_never_shown() {
        let options: RequestOptions = serde_json::from_str(r#"{"headers":{"x-api-key":"sk_secret"}}"#).unwrap();
        assert!(!format!("{options:?}").contains("sk_secret"));
    }
}
