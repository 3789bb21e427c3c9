//! Streams: turns and relays, their readers for other languages, and what keeps them alive.

mod attend;
mod batch;
mod body;
mod cursor;
mod driver;
mod exclusive;
mod frame;
mod handle;
mod kept;
mod opening;
mod pump;
mod quiet;
mod reader;
mod reconcile;
mod relay;
mod relayed;
mod result;
mod state;
mod task;
mod turn;

pub use attend::Attended;
pub use batch::{Batch, RelayBatch, append_json};
pub use cursor::Cursor;
pub use handle::TurnHandle;
pub use pump::{Polled, Pump, PumpSource, RelayPump, TurnPump};
pub use relay::{RelayEvent, RelayItem, RelayStream};
pub(crate) use state::OnState;
pub use state::StreamState;
pub use task::{Task, TaskPolled};
pub use turn::{TextStream, TurnStream};

/// Called once, on any thread, when there is something to read. It must not block.
pub type Wake = Box<dyn FnOnce() + Send>;
