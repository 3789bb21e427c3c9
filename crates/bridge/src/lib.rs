//! What the doors of turnwire into other languages share, so that a door holds only what its language looks like:
//! argument shapes, views of events, its wake-up and its classes of errors.
//!
//! * Arguments and settings come in as JSON: [`Operation`], [`Settings`], in the spelling of a [`Language`].
//! * What is under way is a [`Task`] or a [`Pump`], which another language polls with a [`Waker`](std::task::Waker) or
//!   waits for with its thread blocked.
//! * A [`Driver`] moves them: a thread that waits drives the sockets itself, a thread of ours drives them otherwise.
//! * What comes out is [`Done`], a [`Batch`] or [`Facts`] of an error.

mod arguments;
mod batch;
mod done;
mod driver;
mod failure;
mod operation;
mod pace;
mod pump;
mod queue;
mod settings;
mod surface;
mod task;
mod turn;
mod upload;

pub use arguments::Language;
pub use batch::{Batch, Item, append_json};
pub use done::{Answer, Chunks, Done, pairs};
pub use driver::Driver;
pub use failure::Facts;
pub use operation::{Operation, surface};
pub use pump::{Pump, RelayPump, Source, TurnPump, TurnSource};
pub use settings::{Settings, options};
pub use task::{Started, Task};
pub use turn::Attended;
pub use upload::Pieces;

/// Events are made by the thread that reads the socket and dropped by the one that runs the program. The allocator of glibc
/// has both wait for one lock there, tens of thousands of times a second; in mimalloc a free from another thread takes none.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
