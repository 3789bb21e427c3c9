//! The accept loop: our own, as it needs clocks on headers, a bound on connections, and an end that does not wait for ever.

use super::begun::Begun;
use super::tls::Tls;
use crate::config::Limits;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// After an accept that failed (no file handles left), others get time to end.
const PAUSE: Duration = Duration::from_millis(100);

/// The most bytes of one request's headers.
const HEADER_BYTES: u32 = 64 << 10;

/// Takes connections until `stop`, then lets those that are open end within the limits' drain time.
pub(crate) async fn run(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
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
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (Ok(place), Ok((socket, _))) = (place, accepted) else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Deltas are small and must not wait for each other.
        let _ = socket.set_nodelay(true);
        let connection = Connection {
            builder: builder.clone(),
            service: TowerToHyperService::new(router.clone()),
            watcher: graceful.watcher(),
            begin_in: limits.header_time,
            stop: stop.clone(),
        };
        let tls = tls.as_ref().map(|tls| tls.acceptor());
        tokio::spawn(async move {
            match tls {
                None => connection.serve(async { Ok(socket) }).await,
                Some(tls) => connection.serve(tls.accept(socket)).await,
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
}

/// One connection, and all it needs.
struct Connection {
    builder: Builder<TokioExecutor>,
    service: TowerToHyperService<Router>,
    watcher: Watcher,
    begin_in: Duration,
    stop: CancellationToken,
}

impl Connection {
    async fn serve<S>(self, open: impl Future<Output = io::Result<S>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The clock on headers runs from the first bytes on; until then it is this one.
        let begun = tokio::time::timeout(self.begin_in, async { Begun::wait(open.await?).await });
        let begun = tokio::select! {
            () = self.stop.cancelled() => return,
            begun = begun => begun,
        };
        let Ok(Ok(Some(socket))) = begun else { return };
        let connection = self.builder.serve_connection_with_upgrades(TokioIo::new(socket), self.service);
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
