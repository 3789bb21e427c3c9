//! What 5,000 open streams cost the server in memory while nothing happens.

use crate::client::Stream;
use crate::figure::{Figure, Limit};
use crate::program::{Program, allow_files};

const STREAMS: usize = 5_000;

pub(crate) fn measure() -> Vec<Figure> {
    // Of this process and of the server, which inherits the limit.
    if !allow_files(STREAMS as u64 + 500) {
        return Vec::new();
    }
    [("of one chat", 1), ("of 500 chats", 500), ("of a chat each", STREAMS)]
        .into_iter()
        .flat_map(|(name, chats)| {
            let program = Program::practice();
            let start = program.resident();
            let chats: Vec<String> = (0..chats).map(|_| program.chat().0).collect();
            let before = program.resident();
            let streams: Vec<Stream> = (0..STREAMS)
                .map(|at| {
                    let mut stream = Stream::relay(&program.address, &chats[at % chats.len()], None);
                    // Not only its head: it is open once it speaks.
                    assert!(stream.more(&mut Vec::new()));
                    stream
                })
                .collect();
            let after = program.resident();
            drop(streams);
            [
                Figure::new(format!("5,000 streams {name}, the whole server"), "MB", Limit::Under(400.0), vec![after]),
                Figure::new(
                    format!("a stream {name}"),
                    "kB",
                    Limit::None,
                    vec![(after - before) * 1000.0 / STREAMS as f64],
                ),
                Figure::new(format!("the server before the streams {name}"), "MB", Limit::None, vec![before]),
                Figure::new("the server before its chats", "MB", Limit::None, vec![start]),
            ]
        })
        .collect()
}
