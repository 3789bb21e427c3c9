//! `turnwire-bench-replay [PORT]`: answers every request with a turn that its path names, from memory.
//!
//! `POST …/chat/LOAD/respond` is answered in the contract's events, `POST …/chat/completions` with the model LOAD in
//! those of OpenAI. LOAD is `16k-N` (N deltas, 16 KiB a write), `event-N` (N deltas, one event a write and a chunk), or
//! `paced-R` (R deltas a second without end; each delta is the time of its write, in nanoseconds of the monotonic clock).

mod load;
mod pace;
mod request;
mod turn;

use load::{Format, Load};
use pace::Pace;
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use turn::Answer;

/// Answers by what was asked for: each is rendered once.
type Answers = Arc<Mutex<HashMap<(Load, Format), Arc<Answer>>>>;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on http://{}", listener.local_addr()?);
    let (answers, pace) = (Answers::default(), Pace::start()?);
    for socket in listener.incoming() {
        let (socket, answers, pace) = (socket?, answers.clone(), pace.clone());
        // Thousands of connections at once: each thread needs next to nothing, and ends when its stream is paced.
        thread::Builder::new().stack_size(128 * 1024).spawn(move || {
            // A client that leaves early is no event here.
            let _ = serve(socket, &answers, &pace);
        })?;
    }
    Ok(())
}

fn serve(mut socket: TcpStream, answers: &Answers, pace: &Pace) -> io::Result<()> {
    socket.set_nodelay(true)?;
    while let Some((load, format)) = request::read(&mut socket)? {
        socket.write_all(turn::HEAD)?;
        if let Load::Paced(rate) = load {
            return pace.take(socket, rate);
        }
        let answer = answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((load, format))
            .or_insert_with(|| Arc::new(Answer::new(load, format)))
            .clone();
        for write in answer.writes() {
            socket.write_all(write)?;
        }
    }
    Ok(())
}
