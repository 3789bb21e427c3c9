//! `turnwire normalize`: a recorded event stream in, the events of its turns out.

use crate::args::Normalize;
use crate::output::Output;
use crate::{Interrupts, Stop};
use std::path::Path;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt};
use turnwire::Normalizer;
use turnwire::sse::Decoder;

const CHUNK: usize = 64 * 1024;
/// As large as a raw event may be on a relay.
const EVENT: usize = 32 << 20;

pub(crate) async fn run(args: Normalize, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    tokio::select! {
        interrupt = interrupts.next() => Err(interrupt.into()),
        done = normalize(&args, output) => done,
    }
}

async fn normalize(args: &Normalize, output: &mut Output) -> Result<(), Stop> {
    let mut input = open(&args.file).await?;
    let mut normalizer = match &args.session {
        Some(session) => Normalizer::for_chat(session.as_str(), session),
        None => Normalizer::new(),
    };
    let unreadable = |error: std::io::Error| Stop::failed(format!("{} cannot be read: {error}", args.file.display()));
    let mut decoder = Decoder::with_max_event_bytes(EVENT);
    let mut chunk = vec![0; CHUNK];
    let mut events = Vec::new();
    let mut foreign = false;
    loop {
        let length = input.read(&mut chunk).await.map_err(unreadable)?;
        let read = decoder.feed(&chunk[..length], |frame| {
            foreign |= is_api_event(frame.data);
            normalizer.push(frame.data, &mut events);
        });
        read.map_err(|error| Stop::failed(format!("{}: {error}", args.file.display())))?;
        if foreign {
            return Err(Stop::failed(format!(
                "{} was recorded from OpenCode's /api/event, which is another protocol; record /event instead",
                args.file.display()
            )));
        }
        if length == 0 {
            normalizer.finish(&mut events);
        }
        let mut text = String::new();
        for event in events.drain(..) {
            text.push_str(&event.to_json());
            text.push('\n');
        }
        output.print(&text).await?;
        if length == 0 {
            return Ok(());
        }
    }
}

async fn open(file: &Path) -> Result<Pin<Box<dyn AsyncRead + Send>>, Stop> {
    if file.as_os_str() == "-" {
        return Ok(Box::pin(tokio::io::stdin()));
    }
    let unreadable = |error: std::io::Error| Stop::failed(format!("{} cannot be read: {error}", file.display()));
    let opened = tokio::fs::File::open(file).await.map_err(unreadable)?;
    if opened.metadata().await.map_err(unreadable)?.is_dir() {
        return Err(Stop::failed(format!("{} is a folder; name a file", file.display())));
    }
    Ok(Box::pin(opened))
}

/// `/api/event` has `data` where `/event` has `properties`.
fn is_api_event(data: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Keys<'a> {
        #[serde(borrow)]
        properties: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        payload: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        data: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow, rename = "type")]
        kind: Option<&'a serde_json::value::RawValue>,
    }
    let Ok(keys) = serde_json::from_slice::<Keys<'_>>(data) else { return false };
    keys.kind.is_some() && keys.data.is_some() && keys.properties.is_none() && keys.payload.is_none()
}
