//! One call of an operation that answers once.

use super::answer::{read_json, read_nothing};
use super::{Client, RawResponse, Request, RequestOptions};
use crate::error::Result;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

/// The per-call options, the same on everything that can be awaited.
macro_rules! call_options {
    () => {
        /// The clocks of this call; one [`Duration`](std::time::Duration) is the answer and the idle clock.
        pub fn timeout(mut self, timeout: impl Into<crate::http::Timeout>) -> Self {
            self.options = self.options.timeout(timeout);
            self
        }

        /// How often the request is sent again at most, where that is safe.
        pub fn max_retries(mut self, retries: u32) -> Self {
            self.options = self.options.max_retries(retries);
            self
        }

        /// A header of this call.
        pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.options = self.options.header(name, value);
            self
        }

        /// A query parameter of this call.
        pub fn query(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
            self.options = self.options.query(name, value);
            self
        }

        /// The `Idempotency-Key`, for create, respond and message.
        pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
            self.options = self.options.idempotency_key(key);
            self
        }

        /// Options of this call, over those set so far.
        pub fn options(mut self, options: crate::http::RequestOptions) -> Self {
            self.options = options.over(&self.options);
            self
        }
    };
}
pub(crate) use call_options;

/// A call that answers once: await it for the answer, or its [`raw`](Call::raw) form for status, headers and bytes.
/// Nothing is sent before it is awaited.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use std::time::Duration;
///
/// let chat = client.chat().retrieve("chat_1").timeout(Duration::from_secs(5)).max_retries(0).await?;
/// println!("{}", chat.status);
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is sent when it is awaited"]
pub struct Call<T> {
    client: Client,
    request: Result<Request>,
    options: RequestOptions,
    read: fn(&[u8]) -> Result<T>,
}

impl<T> Call<T> {
    pub(crate) fn new(client: &Client, request: Result<Request>, read: fn(&[u8]) -> Result<T>) -> Self {
        Self { client: client.clone(), request, options: RequestOptions::default(), read }
    }

    /// For an operation that answers when a turn has ended.
    pub(crate) fn without_answer_clock(mut self) -> Self {
        let mut timeout = self.options.timeout.unwrap_or_default();
        timeout.answer = Some(timeout.answer.unwrap_or_default());
        self.options.timeout = Some(timeout);
        self
    }

    call_options!();

    /// The whole answer, read and not yet parsed. A status that is an error is an [`Error`](crate::Error) here too.
    pub async fn raw(self) -> Result<RawResponse<T>> {
        let request = self.request?;
        self.options.check_for(request.operation)?;
        let options = self.options.over(&self.client.options);
        self.client.call(request, &options, self.read).await
    }
}

impl Call<()> {
    /// A call that answers nothing.
    pub(crate) fn nothing(client: &Client, request: Result<Request>) -> Self {
        Self::new(client, request, read_nothing)
    }
}

impl<T: DeserializeOwned> Call<T> {
    /// A call that answers JSON.
    pub(crate) fn json(client: &Client, request: Result<Request>) -> Self {
        Self::new(client, request, read_json)
    }
}

impl<T: 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.raw().await?.parse() })
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.request.as_ref().map(|request| request.operation).ok())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
