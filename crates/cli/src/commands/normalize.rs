//! `turnwire normalize`: a recorded event stream in, the events of its turns out.

use crate::Stop;
use crate::args::Normalize;
use crate::output::Output;
use std::path::Path;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt};
use turnwire::Normalizer;
use turnwire::normalize::Capture;

const CHUNK: usize = 64 * 1024;

pub(crate) async fn run(args: Normalize, output: &mut Output) -> Result<(), Stop> {
    let mut input = open(&args.file).await?;
    let mut capture = Some(Capture::new(match &args.session {
        Some(session) => Normalizer::for_chat(session.as_str(), session),
        None => Normalizer::new(),
    }));
    let unreadable = |error: std::io::Error| Stop::failed(format!("{} cannot be read: {error}", args.file.display()));
    let mut chunk = vec![0; CHUNK];
    let mut events = Vec::new();
    let (mut any, mut within_turn) = (false, false);
    loop {
        let length = input.read(&mut chunk).await.map_err(unreadable)?;
        if length > 0 {
            let fed = capture.as_mut().map_or(Ok(()), |capture| capture.feed(&chunk[..length], &mut events));
            fed.map_err(|error| Stop::failed(format!("{}: {error}", args.file.display())))?;
        } else if let Some(capture) = capture.take() {
            within_turn = capture.begins_within_turn();
            capture.finish(&mut events);
        }
        let mut text = String::new();
        any |= !events.is_empty();
        for event in events.drain(..) {
            text.push_str(&event.to_json());
            text.push('\n');
        }
        output.print(&text).await?;
        if length == 0 {
            if let Some(note) = note(any, within_turn) {
                output.say_line(&format!("{}: {note}", args.file.display())).await;
            }
            return Ok(());
        }
    }
}

/// What a person has to know of a recording that gave less than they expect.
fn note(any: bool, within_turn: bool) -> Option<&'static str> {
    match (any, within_turn) {
        (_, true) => Some(
            "the recording begins in the middle of a turn, which is left out; record from before the prompt on to have it whole",
        ),
        (false, false) => Some("there is no turn in the recording"),
        (true, false) => None,
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
