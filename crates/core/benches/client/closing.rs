//! How long it takes until what is given up is gone: the call has returned, and the service sees its socket closed.

use super::service::request;
use std::future::IntoFuture as _;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use turnwire::Client;

const TIMES: usize = 100;

/// Where a call is given up.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// The connection is being made: the TLS handshake is not answered.
    Connect,
    /// Between two tries: the service asked for half a minute.
    RetrySleep,
    /// The broken stream is being opened again: no answer comes.
    Resume,
    /// Events come.
    Open,
}

/// What the service tells.
enum Seen {
    /// The call is where it is to be given up.
    Ready,
    /// A socket was closed by the client.
    Closed(Instant),
}

/// Whoever waits for a call to sleep before it is sent again: only the log tells.
static SLEEPS: Mutex<Option<mpsc::Sender<Seen>>> = Mutex::new(None);

struct Log;

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(line).contains("sending again")
            && let Some(tell) = SLEEPS.lock().unwrap().take()
        {
            let _ = tell.send(Seen::Ready);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn measure() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(|| Log).init();
    for (name, stage) in [
        ("during connect", Stage::Connect),
        ("during the sleep before a retry", Stage::RetrySleep),
        ("during a resume", Stage::Resume),
        ("while events come", Stage::Open),
    ] {
        let mut times: Vec<Duration> = (0..TIMES).map(|_| close(stage)).collect();
        times.sort_unstable();
        println!("{name}: {:.2?} at most, {:.2?} in the middle, of {TIMES} times", times[TIMES - 1], times[TIMES / 2]);
    }
}

/// One call, given up at its stage: the time until it has returned and its socket is gone.
fn close(stage: Stage) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, seen) = mpsc::channel();
    *SLEEPS.lock().unwrap() = (stage == Stage::RetrySleep).then(|| tell.clone());
    thread::spawn(move || {
        for socket in listener.incoming() {
            let tell = tell.clone();
            thread::spawn(move || serve(socket.unwrap(), stage, &tell));
        }
    });
    let scheme = if stage == Stage::Connect { "https" } else { "http" };
    let client = Client::builder().base_url(format!("{scheme}://{address}")).api_key("sk_bench").no_proxy();
    let client = client.build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let call = runtime.spawn(async move {
        let mut stream = client.chat().respond("chat_1", "Go on.").into_future().await?;
        while stream.try_next().await?.is_some() {}
        Ok::<_, turnwire::Error>(client)
    });
    while !matches!(seen.recv().unwrap(), Seen::Ready) {}
    let start = Instant::now();
    call.abort();
    assert!(runtime.block_on(call).unwrap_err().is_cancelled(), "the call ended by itself");
    let returned = start.elapsed();
    if stage == Stage::RetrySleep {
        // Its connection is whole and idle: it is kept for the next call.
        return returned;
    }
    loop {
        if let Seen::Closed(at) = seen.recv().unwrap() {
            return returned.max(at.duration_since(start));
        }
    }
}

fn serve(mut socket: TcpStream, stage: Stage, tell: &mpsc::Sender<Seen>) {
    let head = if stage == Stage::Connect {
        // The client's greeting.
        let _ = socket.read(&mut [0; 4096]);
        String::new()
    } else {
        request(&mut socket).unwrap_or_default()
    };
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nturnwire-contract: 1\r\nturnwire-turn-id: turn_1\r\n\
        connection: close\r\n\r\ndata: {\"type\":\"turn.started\",\"seq\":1,\"chatId\":\"chat_1\",\"turnId\":\"turn_1\"}\n\n";
    match stage {
        Stage::Resume if !head.contains("/turns/") => {
            let _ = socket.write_all(events.as_bytes());
            return;
        }
        Stage::RetrySleep => {
            let _ =
                socket.write_all(b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-length: 2\r\n\r\n{}");
            return while matches!(socket.read(&mut [0; 4096]), Ok(1..)) {};
        }
        Stage::Open => {
            let _ = socket.write_all(events.as_bytes());
        }
        Stage::Connect | Stage::Resume => {}
    }
    let _ = tell.send(Seen::Ready);
    while matches!(socket.read(&mut [0; 4096]), Ok(1..)) {}
    let _ = tell.send(Seen::Closed(Instant::now()));
}
