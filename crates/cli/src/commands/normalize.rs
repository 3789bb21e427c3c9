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
    loop {
        let length = input.read(&mut chunk).await.map_err(unreadable)?;
        if length > 0 {
            let fed = capture.as_mut().map_or(Ok(()), |capture| capture.feed(&chunk[..length], &mut events));
            fed.map_err(|error| Stop::failed(format!("{}: {error}", args.file.display())))?;
        } else if let Some(capture) = capture.take() {
            capture.finish(&mut events);
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
