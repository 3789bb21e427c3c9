//! `turnwire-bench-pure decode|normalize FILE TIMES`: a recorded stream from memory, in chunks of 16 KiB, so many times.

use std::fs;
use turnwire::Normalizer;
use turnwire::normalize::Capture;
use turnwire::sse::Decoder;
use turnwire_bench::task::Outcome;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, file, times] = arguments.as_slice() else {
        return Err("decode or normalize, a file and a number".into());
    };
    let (bytes, mut events) = (fs::read(file)?, 0);
    for _ in 0..times.parse::<u32>()? {
        events += match kind.as_str() {
            "decode" => decode(&bytes)?,
            "normalize" => normalize(&bytes)?,
            other => return Err(format!("there is no {other}").into()),
        };
    }
    println!("events={events}");
    Ok(())
}

/// How many frames there are.
fn decode(bytes: &[u8]) -> Outcome<usize> {
    let (mut decoder, mut frames) = (Decoder::new(), 0);
    for chunk in bytes.chunks(16 * 1024) {
        decoder.feed(chunk, |_| frames += 1)?;
    }
    Ok(frames)
}

/// How many events they make.
fn normalize(bytes: &[u8]) -> Outcome<usize> {
    let (mut capture, mut told, mut events) = (Capture::new(Normalizer::new()), Vec::new(), 0);
    for chunk in bytes.chunks(16 * 1024) {
        capture.feed(chunk, &mut told)?;
        events += told.len();
        told.clear();
    }
    capture.finish(&mut told);
    Ok(events + told.len())
}
