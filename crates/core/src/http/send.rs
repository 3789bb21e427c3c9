//! Sending: one attempt after the other, as far as that is safe.

use super::answer::{Answer, RawResponse, connection_error, header, status_error};
use super::client::{Clocks, Service};
use super::compose::{RetainPublic as _, body_of};
use super::read::{read_body, read_some};
use super::{Body, Client, Request, RequestOptions, Safety};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::retry::{self, Outcome, Situation};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION};
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
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
        request: Request,
        options: &RequestOptions,
        read: fn(&[u8]) -> Result<T>,
    ) -> Result<RawResponse<T>> {
        let clocks = Clocks::of(options.timeout);
        self.within(clocks.deadline, async {
            let (answer, body) = self.send_and_read(&request, options, &clocks).await?;
            Ok(RawResponse {
                status: answer.status,
                headers: answer.headers,
                request_id: answer.request_id,
                body,
                read,
            })
        })
        .await
    }

    /// Sends until an answer's headers have come that are no error. The total clock is the caller's affair.
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
                Ok(answer) => {
                    let head = Head {
                        status: answer.response.status().as_u16(),
                        headers: answer.response.headers().clone(),
                        request_id: answer.request_id.clone(),
                    };
                    match read_body(answer.response, clocks).await {
                        Ok(body) => return Ok((head, body)),
                        Err(error) => Failed { error, outcome: Outcome::Lost },
                    }
                }
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
        let response = exchanged?;
        self.learn_service(&response);
        let status = response.status();
        tries.span.record("http.response.status_code", status.as_u16());
        if status.is_success() {
            let request_id = header(response.headers(), "x-request-id");
            return Ok(Answer { response, request_id, closed: self.closed() });
        }
        Err(self.refused(response).await)
    }

    /// Sends, following the redirects that are safe.
    async fn exchange(
        &self,
        request: &Request,
        options: &RequestOptions,
        clocks: &Clocks,
        tries: &Tries<'_>,
    ) -> Result<reqwest::Response, Failed> {
        let http = self.transport.http(clocks.connect)?;
        let mut url = self.address(request, options)?;
        let mut headers = self.headers(request, options, tries)?;
        for _ in 0..=MAX_REDIRECTS {
            let mut sending = http.request(request.method.clone(), url.clone()).headers(headers.clone());
            if let Some(body) = body_of(request, options) {
                sending = sending.body(body);
            }
            let response = sending.send().await.map_err(Failed::unanswered)?;
            let Some(target) = redirect(&request.method, &response, &url) else { return Ok(response) };
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
        let headers = response.headers().clone();
        let body = timeout(ERROR_BODY_WAIT, read_some(response, MAX_ERROR_BODY)).await.unwrap_or_default();
        let body = self.scrub(&String::from_utf8_lossy(&body));
        let error = status_error(status, &headers, &body);
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

    /// Takes our own secrets out of what a service says: some echo the request.
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
    fn unanswered(error: reqwest::Error) -> Self {
        let not_sent = error.is_connect() || error.is_builder();
        let error = connection_error(error);
        let outcome = match error.code() {
            // The next one would be the same.
            "certificate_refused" | "invalid_argument" => Outcome::Final,
            _ if not_sent => Outcome::NotSent,
            _ => Outcome::Lost,
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

struct Head {
    status: u16,
    headers: HeaderMap,
    request_id: Option<String>,
}

/// The attempts of one request.
pub(super) struct Tries<'a> {
    client: &'a Client,
    request: &'a Request,
    clocks: Clocks,
    max_retries: u32,
    made: u32,
    pub(super) idempotency_key: Option<String>,
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

    /// Waits for the next attempt, or gives the error back where there is to be none.
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

/// A key no other call uses.
fn random_key() -> String {
    format!("turnwire-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// Where a redirect leads that may be followed: one that keeps the method, or any of a GET.
fn redirect(method: &Method, response: &reqwest::Response, url: &Url) -> Option<Result<Url, Failed>> {
    let status = response.status().as_u16();
    let followed = matches!(status, 307 | 308) || (*method == Method::GET && matches!(status, 301..=303));
    if !followed {
        return None;
    }
    let target = response.headers().get(LOCATION)?.to_str().ok().and_then(|to| url.join(to).ok());
    let Some(target) = target.filter(|target| matches!(target.scheme(), "http" | "https")) else {
        return Some(Err(Error::new("unexpected_status", "The service redirects to nowhere.")
            .with_status(status)
            .into()));
    };
    Some(Ok(target))
}

/// Runs under the total clock.
pub(super) async fn until<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => work.await,
        Some(deadline) => timeout_at(deadline, work).await.unwrap_or_else(|_| Err(total_timeout())),
    }
}

pub(crate) fn total_timeout() -> Error {
    debug_assert_eq!(Error::new("total_timeout", "").kind(), ErrorKind::Timeout);
    Error::new("total_timeout", "The call took longer than its total time limit.")
}
