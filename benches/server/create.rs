//! How long a chat takes to make on a real OpenCode that is warm.

use crate::figure::{Figure, Limit, now_ns};
use crate::program::Program;

const RUNS: usize = 10;

pub(crate) fn measure() -> Vec<Figure> {
    let Some(opencode) = std::env::var_os("TURNWIRE_OPENCODE") else {
        println!(
            "  skipped: TURNWIRE_OPENCODE names no OpenCode; `cargo xtask demo` installs one into the cache folder"
        );
        return Vec::new();
    };
    let program = Program::start(&["--opencode", opencode.to_str().unwrap(), "--practice-model"]);
    let create = || {
        let began = now_ns();
        program.chat();
        (now_ns() - began) as f64 / 1e6
    };
    // The first waits for OpenCode's start.
    let cold = create();
    vec![
        Figure::new("a chat once OpenCode is warm", "ms", Limit::Under(1000.0), (0..RUNS).map(|_| create()).collect()),
        Figure::new("the first chat, OpenCode's start included", "ms", Limit::None, vec![cold]),
    ]
}
