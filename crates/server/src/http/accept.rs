//! The accept loop: our own, as it needs clocks on headers, a bound on connections, and an end that does not wait for ever.

use super::begun::Begun;
use crate::config::Limits;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// After an accept that failed (no file handles left), others get time to end.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until `stop`, then lets those that are open end within the limits' drain time.
pub(crate) async fn run(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
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
        let service = TowerToHyperService::new(router.clone());
        let (builder, watcher, stop) = (builder.clone(), graceful.watcher(), stop.clone());
        tokio::spawn(async move {
            // The clock on headers runs from the first bytes on; until then it is this one.
            let begun = tokio::select! {
                () = stop.cancelled() => return,
                begun = tokio::time::timeout(limits.header_time, Begun::wait(socket)) => begun,
            };
            let Ok(Ok(Some(socket))) = begun else { return };
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
}
