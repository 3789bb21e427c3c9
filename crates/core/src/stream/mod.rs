//! Streams: turns and relays, and what keeps them alive.

mod body;
mod cursor;
mod driver;
mod exclusive;
mod frame;
mod handle;
mod handlers;
mod kept;
mod opening;
mod quiet;
mod reader;
mod reconcile;
mod relay;
mod relayed;
mod result;
mod state;
mod turn;

pub use cursor::Cursor;
pub use handle::TurnHandle;
pub(crate) use handlers::{Handler, Handlers};
pub use relay::{RelayEvent, RelayItem, RelayStream};
pub(crate) use state::OnState;
pub use state::{Resume, StreamState};
pub use turn::{TextStream, TurnStream};
