//! The Node door into turnwire: it parses arguments, calls the core, wraps what comes back. No protocol decision lives
//! here, and nothing asynchronous: what is under way is polled, and one weak wake-up for each thread of JavaScript says
//! when. An `async fn` would end in the heap of a worker that was terminated meanwhile.

// napi exports nothing under test, so that everything would look unused there.
#![cfg_attr(test, allow(dead_code))]

mod accumulator;
mod cli;
mod client;
mod download;
mod driver;
mod failure;
mod hub;
mod lazy;
mod outcome;
mod relay;
mod source;
mod task;
mod text;
mod turn;
mod upload;
