//! The service: its listeners and its connections.

use crate::chaos::Chaos;
use crate::shared::{Counts, Shared};
use crate::tls::{HOST, Tls};
use crate::wire::read_request;
use crate::{Fault, Scenario, routes, socks};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running service. Dropping it closes everything.
pub struct Testkit {
    url: String,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl fmt::Debug for Testkit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Testkit").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Testkit {
    /// Starts a scenario's service on a free port of loopback.
    ///
    /// # Errors
    /// No port.
    pub async fn start(scenario: Scenario) -> io::Result<Self> {
        Self::serve(scenario.ours, scenario.faults, None, scenario.call.tls).await
    }

    /// Starts a service with these faults.
    ///
    /// # Errors
    /// No port.
    pub async fn with_faults(ours: bool, faults: Vec<Fault>) -> io::Result<Self> {
        Self::serve(ours, faults, None, false).await
    }

    /// Starts a service of ours that speaks TLS too, under a private CA.
    ///
    /// # Errors
    /// No port.
    pub async fn with_tls() -> io::Result<Self> {
        Self::serve(true, vec![], None, true).await
    }

    /// Starts a service of ours whose faults are drawn by lot.
    ///
    /// # Errors
    /// No port.
    pub async fn with_chaos(seed: u64) -> io::Result<Self> {
        Self::serve(true, vec![], Some(Chaos(seed)), false).await
    }

    async fn serve(ours: bool, faults: Vec<Fault>, chaos: Option<Chaos>, tls: bool) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let elsewhere = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let tls = if tls { Some(Tls::start(listener.local_addr()?, stop.clone()).await?) } else { None };
        let shared = Arc::new(Shared {
            ours,
            faults,
            chaos,
            elsewhere: format!("http://{}", elsewhere.local_addr()?),
            tls,
            state: Mutex::default(),
            changed: watch::channel(0).0,
            stop: stop.clone(),
        });
        tokio::spawn(accept(listener, shared.clone(), false));
        tokio::spawn(accept(elsewhere, shared.clone(), true));
        Ok(Self { url, shared, _stop: stop.drop_guard() })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address where `https` is spoken.
    pub fn tls_url(&self) -> Option<String> {
        self.shared.tls.as_ref().map(|tls| format!("https://{}", tls.address))
    }

    /// Its address behind the proxy that it is too: a host that cannot be reached otherwise.
    pub fn proxied_url(&self) -> String {
        if self.shared.tls.is_some() { format!("https://{HOST}") } else { format!("http://{HOST}") }
    }

    /// The certificate of its private CA, as PEM.
    pub fn ca(&self) -> Option<&str> {
        self.shared.tls.as_ref().map(|tls| tls.ca.as_str())
    }

    /// What reached it so far.
    pub fn counts(&self) -> Counts {
        self.shared.state().counts.clone()
    }

    /// Waits until the counts are such.
    pub async fn until(&self, wanted: impl Fn(&Counts) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        while !wanted(&self.counts()) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Forgets what a turn told, so that many fit into memory.
    pub fn forget_turn(&self, id: &str) {
        let mut state = self.shared.state();
        if let Some(turn) = state.turns.iter_mut().find(|turn| turn.id == id) {
            turn.events = Vec::new();
            turn.raw = Vec::new();
        }
    }

    /// Starts a turn as if somebody else had.
    pub fn start_turn(&self, prompt: &str) {
        routes::start_turn(&self.shared, &serde_json::json!([{"type": "text", "text": prompt}]), None);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, elsewhere: bool) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        if let Ok((socket, _)) = accepted {
            let _ = socket.set_nodelay(true);
            tokio::spawn(connection(socket, shared.clone(), elsewhere));
        }
    }
}

/// Counts a connection for as long as it is open.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().counts.open_connections -= 1;
        self.0.ring();
    }
}

async fn connection(mut socket: TcpStream, shared: Arc<Shared>, elsewhere: bool) {
    shared.state().counts.open_connections += 1;
    shared.ring();
    let open = Open(shared.clone());
    let mut buffer = Vec::new();
    let stop = shared.stop.clone();
    let serve = async {
        if !elsewhere && !matches!(socks::greet(&mut socket, &shared).await, Ok(true)) {
            return;
        }
        while let Ok(Some(request)) = read_request(&mut socket, &mut buffer).await {
            let kept = if elsewhere {
                routes::elsewhere(&mut socket, &shared, &request).await
            } else {
                routes::answer(&mut socket, &shared, &request).await
            };
            shared.ring();
            if !kept {
                return;
            }
        }
    };
    tokio::select! {
        () = serve => {}
        () = stop.cancelled() => {}
    }
    drop(socket);
    drop(open);
}
