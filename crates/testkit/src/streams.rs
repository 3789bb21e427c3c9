//! What streams: a turn's events and the relay, as well or as badly as a fault says.

use crate::Fault;
use crate::fault::Insert;
use crate::shared::Shared;
use crate::turns::{Gate, Turn};
use crate::wire::{Out, Request, Stop};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Waits for the client to hang up.
pub(crate) async fn wait_for_close(socket: &mut TcpStream) -> Stop {
    let mut byte = [0; 64];
    while let Ok(read) = socket.read(&mut byte).await {
        if read == 0 {
            break;
        }
    }
    Stop::Gone
}

fn stream_headers(headers: &str, fault: &Fault) -> String {
    let kind = fault.content_type.as_deref().unwrap_or("text/event-stream");
    let coding = fault.coding().map(|name| format!("content-encoding: {name}\r\n")).unwrap_or_default();
    format!("{headers}content-type: {kind}\r\ncache-control: no-cache, no-transform\r\n{coding}")
}

fn opening(fault: &Fault) -> Vec<u8> {
    let mut bytes = if fault.bom { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
    if !fault.bare {
        bytes.extend_from_slice(b"retry: 1000\n: ok\n");
    }
    bytes
}

/// The bytes of one event's frame, under a fault.
fn frame(fault: &Fault, id: Option<u64>, name: Option<&str>, data: &str) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..=usize::from(fault.twice) {
        if let Some(id) = id {
            let _ = writeln!(text, "id: {id}");
        }
        if let Some(name) = name {
            let _ = writeln!(text, "event: {name}");
        }
        let _ = write!(text, "data: {data}\n\n");
        if fault.pings {
            text.push_str(": ping\n\n");
        }
    }
    lines(fault, text)
}

fn lines(fault: &Fault, text: String) -> Vec<u8> {
    if fault.crlf { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
}

fn inserted(fault: &Fault, insert: &Insert) -> Vec<u8> {
    let mut bytes = lines(fault, insert.raw.clone());
    if insert.bad_utf8 {
        bytes.extend_from_slice(b"event: strange\ndata: {\"type\":\"strange\",\"text\":\"\xFF\xFE\"}\n\n");
    }
    if insert.big > 0 {
        bytes.extend_from_slice(b"data: {\"type\":\"big\",\"text\":\"");
        bytes.resize(bytes.len() + insert.big, b'x');
        bytes.extend_from_slice(b"\"}\n\n");
    }
    bytes
}

/// What the fault does after so many events: stalls, cuts, puts something in. `false`: the answer ends here.
async fn goes_on(out: &mut Out<'_>, fault: &Fault, told: usize) -> Result<bool, Stop> {
    if fault.stall_events.is_some_and(|limit| told >= limit) {
        return Err(wait_for_close(out.socket).await);
    }
    if fault.cut_events.is_some_and(|limit| told >= limit) {
        return Err(Stop::Cut);
    }
    if fault.end_events.is_some_and(|limit| told >= limit) {
        return Ok(false);
    }
    if let Some(insert) = fault.insert.as_ref().filter(|insert| insert.after == told) {
        out.chunk(&inserted(fault, insert)).await?;
    }
    Ok(true)
}

/// Until there may be more to tell, or the client has hung up.
async fn news(socket: &mut TcpStream, changed: &mut watch::Receiver<u64>) -> Result<(), Stop> {
    let mut byte = [0; 1];
    tokio::select! {
        _ = changed.changed() => Ok(()),
        read = socket.read(&mut byte) => if matches!(read, Ok(1..)) { Ok(()) } else { Err(Stop::Gone) },
    }
}

/// The events of a turn after a number, as they happen.
pub(crate) async fn turn_events(
    socket: &mut TcpStream,
    shared: &Shared,
    headers: &str,
    fault: &Fault,
    number: usize,
    after: u64,
) -> Result<(), Stop> {
    let mut out = Out::new(socket, fault);
    out.begin(200, &stream_headers(headers, fault)).await?;
    if let Some(body) = &fault.body {
        out.chunk(body.as_bytes()).await?;
        return out.end().await;
    }
    let mut changed = shared.changed.subscribe();
    let mut whole = opening(fault);
    if fault.coding().is_none() && !whole.is_empty() {
        out.chunk(&std::mem::take(&mut whole)).await?;
    }
    let mut told = 0usize;
    let mut next = usize::try_from(after).unwrap_or(usize::MAX);
    loop {
        let (frames, ended) = {
            let state = shared.state();
            let turn = &state.turns[number];
            let until = turn.events_so_far();
            let frames: Vec<Vec<u8>> =
                (next..until).filter_map(|at| event_frame(fault, turn, at, next, shared.ours)).collect();
            next = next.max(until);
            (frames, turn.gate == Gate::Open)
        };
        for bytes in frames {
            if !goes_on(&mut out, fault, told).await? {
                return out.end().await;
            }
            if fault.coding().is_some() {
                whole.extend_from_slice(&bytes);
            } else {
                out.chunk(&bytes).await?;
            }
            told += 1;
        }
        if ended {
            if fault.coding().is_some() {
                out.chunk(&fault.encoded(&whole)).await?;
            }
            return out.end().await;
        }
        news(out.socket, &mut changed).await?;
    }
}

/// One event of a turn under the faults that change what is told.
fn event_frame(fault: &Fault, turn: &Turn, at: usize, first: usize, ours: bool) -> Option<Vec<u8>> {
    let place = at - first + 1;
    let at = match fault.swap {
        Some(swap) if swap == place => at + 1,
        Some(swap) if swap + 1 == place => at - 1,
        _ => at,
    };
    if fault.omit == Some(place) {
        return None;
    }
    let event = turn.events.get(at)?;
    let mut data: Value = serde_json::from_str(&event.to_json()).unwrap_or_default();
    if fault.whole_parts && data.get("delta").is_some() {
        return None;
    }
    if fault.snake_case {
        data = snake(&data);
        data.as_object_mut().map(|fields| fields.remove("seq"));
    }
    let id = (ours || !fault.snake_case).then_some(event.seq);
    Some(frame(fault, id, Some(event.event_type()), &data.to_string()))
}

fn snake(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let renamed = fields.iter().map(|(name, value)| {
                let mut spelled = String::new();
                for letter in name.chars() {
                    if letter.is_ascii_uppercase() {
                        spelled.push('_');
                    }
                    spelled.push(letter.to_ascii_lowercase());
                }
                (spelled, snake(value))
            });
            Value::Object(renamed.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(snake).collect()),
        other => other.clone(),
    }
}

/// The relay: the raw events of all turns, numbered from 1.
pub(crate) async fn relay(
    socket: &mut TcpStream,
    shared: &Shared,
    headers: &str,
    fault: &Fault,
    request: &Request,
) -> Result<(), Stop> {
    let number = |text: &str| text.parse::<usize>().ok();
    let cursor = request
        .header("last-event-id")
        .and_then(number)
        .or_else(|| request.query.split('&').find_map(|pair| pair.strip_prefix("lastEventId=")).and_then(number));
    let mut changed = shared.changed.subscribe();
    let log = || -> Vec<String> {
        let state = shared.state();
        state.turns.iter().flat_map(|turn| turn.raw[..turn.raw_so_far()].iter().cloned()).collect()
    };
    let head = log().len();
    let after = cursor.filter(|cursor| *cursor <= head).unwrap_or(head);
    let mut headers = stream_headers(headers, fault);
    if shared.ours {
        let _ = write!(headers, "turnwire-cursor: {after}\r\n");
    }
    let mut out = Out::new(socket, fault);
    out.begin(200, &headers).await?;
    if let Some(body) = &fault.body {
        out.chunk(body.as_bytes()).await?;
        return out.end().await;
    }
    let opening = opening(fault);
    if !opening.is_empty() {
        out.chunk(&opening).await?;
    }
    if cursor.is_some_and(|cursor| cursor > head) {
        out.chunk(&frame(fault, None, Some("reset"), &json!({"head": head}).to_string())).await?;
    }
    let more = if cursor.is_some() { usize::try_from(fault.replay_more).unwrap_or(0) } else { 0 };
    let mut next = after.saturating_sub(more);
    let mut told = 0;
    loop {
        for (at, raw) in log().into_iter().enumerate().skip(next) {
            if !goes_on(&mut out, fault, told).await? {
                return out.end().await;
            }
            out.chunk(&frame(fault, Some(at as u64 + 1), None, &raw)).await?;
            next = at + 1;
            told += 1;
        }
        news(out.socket, &mut changed).await?;
    }
}
