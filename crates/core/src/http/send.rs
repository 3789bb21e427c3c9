//! Sending: one attempt after the other, as far as that is safe.

use super::answer::{Answer, Head, RawResponse, header, status_error};
use super::client::Service;
use super::clocks::Clocks;
use super::compose::{RetainPublic as _, body_of, extended};
use super::connection_error::{connection_error, unauthorized};
use super::read::{read_body, read_some};
use super::redirect;
use super::{Body, Client, Incoming, Request, RequestOptions, Safety};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::retry::{self, Outcome, Situation};
use bytes::{Bytes, BytesMut};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use url::Url;

/// Of the body of an error no more is read.
const MAX_ERROR_BODY: usize = 256 * 1024;
/// An error's body that does not come is not waited for.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);
const MAX_REDIRECTS: usize = 5;
const DEFAULT_RETRIES: u32 = 2;

impl Client {
    /// Sends and reads the whole answer.
    pub(crate) async fn call<T>(
        &self,
        mut request: Request,
        options: &RequestOptions,
        read: fn(&[u8]) -> Result<T>,
    ) -> Result<RawResponse<T>> {
        let clocks = Clocks::of(options.timeout);
        self.within(clocks.deadline, async {
            request.body.begin().await?;
            let (Head { status, headers, request_id }, body) = self.send_and_read(&request, options, &clocks).await?;
            Ok(RawResponse { status, headers, request_id, body, read })
        })
        .await
    }

    /// Sends until the headers of a successful answer arrive. The caller applies the total clock.
    pub(crate) async fn send(&self, request: &Request, options: &RequestOptions, clocks: &Clocks) -> Result<Answer> {
        let mut tries = Tries::new(self, request, options);
        loop {
            match self.attempt(request, options, clocks, &mut tries).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    /// As [`Client::send`], with the body read too: one that breaks off is a failed attempt like any other.
    async fn send_and_read(
        &self,
        request: &Request,
        options: &RequestOptions,
        clocks: &Clocks,
    ) -> Result<(Head, Bytes)> {
        let mut tries = Tries::new(self, request, options);
        loop {
            let failed = match self.attempt(request, options, clocks, &mut tries).await {
                Ok(Answer { head, body, .. }) => match read_body(body, clocks).await {
                    Ok(body) => return Ok((head, body)),
                    Err(error) => Failed::lost(error),
                },
                Err(failed) => failed,
            };
            tries.again(failed).await?;
        }
    }

    /// One sending.
    async fn attempt(
        &self,
        request: &Request,
        options: &RequestOptions,
        clocks: &Clocks,
        tries: &mut Tries<'_>,
    ) -> Result<Answer, Failed> {
        let sent = self.exchange(request, options, clocks, tries).instrument(tries.span.clone());
        let exchanged = match clocks.answer {
            Some(clock) => timeout(clock, sent).await.unwrap_or_else(|_| {
                let message = format!("The service did not answer within {} s.", clock.as_secs_f64());
                Err(Failed { error: Error::new("answer_timeout", message), outcome: Outcome::Lost })
            }),
            None => sent.await,
        };
        let (response, sending) = exchanged?;
        self.learn_service(&response);
        let status = response.status();
        tries.span.record("http.response.status_code", status.as_u16());
        if status.is_success() {
            let _ = sending.disarm();
            let (status, request_id) = (status.as_u16(), header(response.headers(), "x-request-id"));
            return Answer::new(response, self.closed())
                .map_err(|error| Failed::from(error.with_status(status).with_request_id(request_id)));
        }
        Err(self.refused(response).await)
    }

    /// Sends, following the redirects that are safe. What is still being sent breaks off when the guard is dropped: a
    /// service that has refused a request may read the rest for as long as it comes.
    async fn exchange(
        &self,
        request: &Request,
        options: &RequestOptions,
        clocks: &Clocks,
        tries: &Tries<'_>,
    ) -> Result<(reqwest::Response, DropGuard), Failed> {
        let http = self.transport.http(clocks.connect)?;
        let mut url = self.address(request, options)?;
        let mut headers = self.headers(request, options, tries.idempotency_key.as_deref())?;
        for _ in 0..=MAX_REDIRECTS {
            let mut sending = http.request(request.method.clone(), url.clone()).headers(headers.clone());
            let over = CancellationToken::new();
            if let Some(body) = body_of(request, tries.extended.as_ref(), &over) {
                sending = sending.body(body);
            }
            let over = over.drop_guard();
            let response =
                sending.send().await.map_err(|error| Failed::unanswered(error, self.transport.proxy_of(&url)))?;
            let Some(target) = redirect::target(&request.method, &response, &url) else {
                return Ok((response, over));
            };
            let target = target?;
            if is_spent(request) {
                let message =
                    format!("The service redirects to {}; set base_url to it.", target.origin().ascii_serialization());
                return Err(Error::new("unexpected_status", message).with_status(response.status().as_u16()).into());
            }
            if target.origin() != url.origin() {
                if !request.follow_elsewhere {
                    let origin = target.origin().ascii_serialization();
                    return Err(Error::new(
                        "unexpected_status",
                        format!("The service redirects to {origin}, where the key is not sent; set base_url to it if you trust it."),
                    )
                    .with_status(response.status().as_u16())
                    .into());
                }
                headers.retain_public();
            }
            url = target;
        }
        Err(Error::new("unexpected_status", "The service redirects in a circle.").into())
    }

    async fn refused(&self, response: reqwest::Response) -> Failed {
        let status = response.status().as_u16();
        let url = response.url().clone();
        let headers = response.headers().clone();
        let body = match Incoming::new(response) {
            Ok(mut body) => timeout(ERROR_BODY_WAIT, read_some(&mut body, MAX_ERROR_BODY)).await.unwrap_or_default(),
            // An error stays the error it is, whatever its words are wrapped in.
            Err(_) => BytesMut::new(),
        };
        let body = self.scrub(&String::from_utf8_lossy(&body));
        if status == 407 {
            let error = Error::new("proxy_unauthorized", unauthorized(self.transport.proxy_of(&url)));
            return Failed::from(error.with_status(status).with_body(body));
        }
        let error = status_error(status, &headers, &body);
        let error = match redirect::message(status, &headers, &url) {
            Some(message) => error.with_message(self.scrub(&message)),
            None => error,
        };
        let outcome = Outcome::Status {
            status,
            retry_after: error.retry_after(),
            should_retry: match header(&headers, "x-should-retry").as_deref() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
        };
        Failed { error, outcome }
    }

    /// Removes our own secrets from a service's message, because some services echo the request.
    fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let key = self.transport.key();
        for secret in [key.as_ref(), self.transport.token()].into_iter().flatten() {
            if secret.expose().len() >= 4 {
                text = text.replace(secret.expose(), "[redacted]");
            }
        }
        text
    }

    /// Whether the service is ours, asked where it is not known yet. Every answer of ours says so, a 404 too.
    pub(crate) async fn ask_service(&self, about: &Request, clocks: &Clocks) -> Service {
        if self.service() == Service::Unknown {
            let mut request = Request::new("retrieve", reqwest::Method::GET);
            request.path = chat_path(&about.path);
            let options = RequestOptions { max_retries: Some(0), ..(*self.options).clone() };
            let mut tries = Tries::new(self, &request, &options);
            // Only the headers matter, which `attempt` looks at.
            let _ = self.attempt(&request, &options, clocks, &mut tries).await;
        }
        self.service()
    }
}

/// An attempt that failed, and how.
struct Failed {
    error: Error,
    outcome: Outcome,
}

impl Failed {
    fn unanswered(error: reqwest::Error, proxy: Option<&Url>) -> Self {
        let not_sent = error.is_connect() || error.is_builder();
        let error = connection_error(error, proxy);
        match error.code() {
            // The next one would be the same.
            "certificate_refused" | "proxy_unauthorized" | "invalid_argument" => error.into(),
            _ if not_sent => Self { error, outcome: Outcome::NotSent },
            _ => Self::lost(error),
        }
    }

    /// The request may have arrived; its answer did not come, or not whole. One that came and cannot be read is the same the
    /// next time.
    fn lost(error: Error) -> Self {
        let outcome = match error.kind() {
            ErrorKind::Connection | ErrorKind::Timeout => Outcome::Lost,
            _ => Outcome::Final,
        };
        Self { error, outcome }
    }
}

impl From<Error> for Failed {
    /// What we refuse ourselves is not tried again.
    fn from(error: Error) -> Self {
        Self { error, outcome: Outcome::Final }
    }
}

/// The attempts of one request.
struct Tries<'a> {
    client: &'a Client,
    request: &'a Request,
    clocks: Clocks,
    max_retries: u32,
    made: u32,
    idempotency_key: Option<String>,
    /// The body with the fields that the caller adds to it.
    extended: Option<Bytes>,
    /// One span for all attempts, under OpenTelemetry's names.
    span: Span,
}

impl<'a> Tries<'a> {
    fn new(client: &'a Client, request: &'a Request, options: &RequestOptions) -> Self {
        let refused =
            options.headers.iter().any(|(name, value)| value.is_none() && name.eq_ignore_ascii_case("idempotency-key"));
        let idempotency_key = (request.safety == Safety::Creates && !refused)
            .then(|| options.idempotency_key.clone().unwrap_or_else(random_key));
        Self {
            client,
            request,
            clocks: Clocks::of(options.timeout),
            max_retries: options.max_retries.unwrap_or(DEFAULT_RETRIES),
            made: 0,
            idempotency_key,
            extended: extended(request, options),
            span: tracing::debug_span!(
                "turnwire.request",
                otel.name = request.operation,
                otel.kind = "client",
                http.request.method = request.method.as_str(),
                server.address = client.transport.host(),
                server.port = client.transport.port(),
                http.response.status_code = Empty,
                http.request.resend_count = Empty,
                error.r#type = Empty,
            ),
        }
    }

    /// Waits for the next attempt, or returns the error if there is none.
    async fn again(&mut self, failed: Failed) -> Result<()> {
        let Failed { error, outcome } = failed;
        if is_spent(self.request) {
            return Err(error);
        }
        self.span.record("error.type", error.code());
        let creates = self.request.safety == Safety::Creates;
        if creates && outcome == Outcome::Lost && self.made < self.max_retries {
            Box::pin(self.client.ask_service(self.request, &self.clocks)).await;
        }
        let situation = Situation {
            repeatable: !creates,
            attaches: self.idempotency_key.is_some() && self.client.service() == Service::Ours,
            retries: self.made,
            max_retries: self.max_retries,
        };
        let Some(wait) = retry::next(&outcome, &situation, fastrand::f64()) else { return Err(error) };
        self.made += 1;
        self.span.record("http.request.resend_count", self.made);
        let wait = wait.mul_f64(self.client.backoff_scale());
        tracing::debug!(
            operation = self.request.operation,
            retry = self.made,
            code = error.code(),
            ?wait,
            "sending again"
        );
        sleep(wait).await;
        Ok(())
    }
}

/// Whether the request's body has gone and cannot be sent again.
fn is_spent(request: &Request) -> bool {
    matches!(&request.body, Body::Stream(stream) if stream.is_spent())
}

/// `/{id}` of `/{id}/respond`; a chat that does not exist where the request is for none.
fn chat_path(path: &str) -> String {
    match path.strip_prefix('/').and_then(|rest| rest.split('/').next()).filter(|id| !id.is_empty()) {
        Some(id) => format!("/{id}"),
        None => "/chat_0".to_owned(),
    }
}

/// A key no other call uses, also none of a forked child: it would share what a generator of this process has in mind.
pub(crate) fn random_key() -> String {
    let random = || getrandom::u64().unwrap_or_else(|_| fastrand::u64(..));
    format!("turnwire-{:016x}{:016x}", random(), random())
}
