//! From the start of the program to its first "ready", without OpenCode.

use crate::figure::{Figure, Limit, now_ns};
use crate::program::{command, folder};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

const RUNS: usize = 20;

pub(crate) fn measure() -> Vec<Figure> {
    let again = folder();
    ready_in(again.path());
    let first = (0..RUNS).map(|_| ready_in(folder().path())).collect();
    let later = (0..RUNS).map(|_| ready_in(again.path())).collect();
    vec![
        Figure::new("ready in a new data folder", "ms", Limit::Under(150.0), first),
        Figure::new("ready in a data folder it knows", "ms", Limit::Under(150.0), later),
    ]
}

/// Milliseconds to the first `/readyz` that says yes.
fn ready_in(data: &std::path::Path) -> f64 {
    let began = now_ns();
    let mut child = command(data, &["--runtime", "practice"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect("the server did not start");
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let took = (now_ns() - began) as f64 / 1e6;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
    took
}
