//! Server-sent events: bytes in, frames out, as the WHATWG's text reads them.
//!
//! ```
//! use turnwire::sse::Decoder;
//!
//! let mut decoder = Decoder::new();
//! let mut texts = Vec::new();
//! for chunk in [&b"id: 7\nevent: greeting\nda"[..], b"ta: hello\n\n"] {
//!     decoder.feed(chunk, |frame| texts.push(frame.data_str().into_owned()))?;
//! }
//! assert_eq!(texts, ["hello"]);
//! assert_eq!(decoder.last_event_id(), Some("7"));
//! # Ok::<(), turnwire::sse::EventTooLarge>(())
//! ```

mod decoder;
mod frame;
mod line;
mod write;

pub use decoder::{DEFAULT_MAX_EVENT_BYTES, Decoder, EventTooLarge};
pub use frame::Frame;
pub(crate) use write::frame as write_frame;
