//! Turns to practise on, with no key and no network.
//!
//! One [`Script`] says what is answered to a prompt. Two things play it: [`model::serve`], a scripted model that speaks the
//! OpenAI-compatible protocol, so that a real `OpenCode` runs on it; and [`Agent`], which needs no `OpenCode` at all and sends
//! the events one would send.

pub mod agent;
mod id;
pub mod model;
pub mod script;

pub use agent::{Agent, AgentError, Prompt};
pub use script::Script;
