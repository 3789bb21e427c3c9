//! The accept loop: our own, as it needs clocks on connections, a bound on their number, and an end that does not wait for ever.

use super::begun::Begun;
use super::line::{Line, Strangers};
use super::room::{Reserve, room_for};
use super::tls::Tls;
use crate::config::Limits;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// After an accept that failed, others get time to end.
const PAUSE: Duration = Duration::from_millis(100);

/// The maximum size of a request's headers.
const HEADER_BYTES: u32 = 64 << 10;

/// Takes connections until `stop`, then lets those that are open end within the limits' drain time.
pub(crate) async fn run(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let most = room_for(limits.connections);
    let places = Arc::new(Semaphore::new(most));
    let extra = Arc::new(Semaphore::new(1));
    let strangers = Arc::<Strangers>::default();
    let cut = CancellationToken::new();
    let limits = Arc::new(limits);
    let serving = Serving { builder: builder(&limits), router, tls, limits: limits.clone(), stop: stop.clone() };
    let mut reserve = Reserve::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer, lent) = match accepted {
            Ok((socket, peer)) => {
                reserve.refill();
                (socket, peer, None)
            }
            // The client went away again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                // Linux fails here even without a waiting connection, so none is closed before one has arrived.
                let accepted = tokio::select! {
                    () = stop.cancelled() => break,
                    accepted = reserve.accept(&listener, &error) => accepted,
                };
                let Some((socket, peer, lent)) = accepted else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                strangers.make_room();
                (socket, peer, Some(lent))
            }
        };
        let place = if let Ok(place) = places.clone().try_acquire_owned() {
            Some((place, lent.is_some()))
        } else {
            let made = strangers.make_room();
            tokio::select! {
                () = stop.cancelled() => break,
                place = places.clone().acquire_owned() => place.ok().map(|place| (place, lent.is_some())),
                // All connections belong to callers with a key; one more at a time is still answered.
                place = extra.clone().acquire_owned(), if !made => place.ok().map(|place| (place, true)),
            }
        };
        let Some((place, short)) = place else { break };
        let line = Line::new(peer.ip(), &strangers, cut.child_token());
        if short {
            // It is not closed to make room, because it is short-lived anyway.
            line.is_known();
        }
        let mut serving = serving.clone();
        tokio::spawn(async move {
            if short {
                // Only for one answer, because other connections wait for this slot.
                serving.builder.http1().keep_alive(false);
                let _ = tokio::time::timeout(serving.limits.header_time, serving.take(socket, line)).await;
            } else {
                serving.take(socket, line).await;
            }
            drop((place, lent));
        });
    }
    drop(listener);
    let all = places.acquire_many(u32::try_from(most).unwrap_or(u32::MAX));
    if tokio::time::timeout(limits.drain, all).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
        cut.cancel();
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(HEADER_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_header_list_size(HEADER_BYTES)
        .max_concurrent_streams(1024)
        .max_send_buf_size(64 * 1024);
    builder
}

/// The settings with which connections are served.
#[derive(Clone)]
struct Serving {
    builder: Builder<TokioExecutor>,
    router: Router,
    tls: Option<Arc<Tls>>,
    limits: Arc<Limits>,
    stop: CancellationToken,
}

impl Serving {
    async fn take(self, socket: TcpStream, line: Arc<Line>) {
        // Disable Nagle's algorithm, because deltas are small and must not be delayed.
        let _ = socket.set_nodelay(true);
        match self.tls.as_ref().map(|tls| tls.acceptor()) {
            None => self.serve(async { Ok(socket) }, line).await,
            Some(tls) => self.serve(tls.accept(socket), line).await,
        }
    }

    async fn serve<S>(self, open: impl Future<Output = io::Result<S>>, line: Arc<Line>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // hyper's header timeout starts with the first bytes; until then this timeout applies.
        let begun = tokio::time::timeout(self.limits.header_time, async { Begun::wait(open.await?).await });
        let begun = tokio::select! {
            () = self.stop.cancelled() => return,
            () = line.cut.cancelled() => return,
            begun = begun => begun,
        };
        let Ok(Ok(Some(socket))) = begun else { return };
        let service = Spoken { router: TowerToHyperService::new(self.router), line: line.clone() };
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(socket), service));
        let stopping = tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = line.cut.cancelled() => return,
            () = line.over(&self.limits) => false,
            () = self.stop.cancelled() => true,
        };
        connection.as_mut().graceful_shutdown();
        let late = async {
            if stopping {
                // All connections are cut together then.
                std::future::pending::<()>().await;
            } else {
                tokio::time::sleep(self.limits.header_time).await;
            }
        };
        tokio::select! {
            _ = connection => {}
            () = line.cut.cancelled() => {}
            () = late => tracing::debug!("a connection that was held for too long is cut"),
        }
    }
}

/// The routes as a service for one connection.
struct Spoken {
    router: TowerToHyperService<Router>,
    line: Arc<Line>,
}

impl Service<Request<Incoming>> for Spoken {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.line.clone());
        self.router.call(request)
    }
}
