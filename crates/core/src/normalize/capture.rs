//! The bytes of a recorded stream in, events out: what `turnwire normalize` runs.

use super::Normalizer;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::sse::Decoder;

/// The largest raw event taken.
const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;

/// Reads a capture of `/event` or `/global/event`, cut anywhere.
#[derive(Debug)]
pub struct Capture {
    decoder: Decoder,
    normalizer: Normalizer,
    /// Nothing but white space has come.
    blank: bool,
}

impl Capture {
    /// Reads into a normalizer.
    pub fn new(normalizer: Normalizer) -> Self {
        Self { decoder: Decoder::with_max_event_bytes(MAX_EVENT_BYTES), normalizer, blank: true }
    }

    /// Reads the next bytes and appends the events that follow from them to `out`.
    ///
    /// # Errors
    /// `invalid_frame` for a capture of `/api/event` or a page, `event_too_large` for an event over 32 MiB. Events emitted before
    /// stay valid; nothing more can be read.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<Event>) -> Result<()> {
        if self.blank
            && let Some(first) = chunk.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            self.blank = false;
            if *first == b'<' {
                return Err(Error::new(
                    "invalid_frame",
                    "this is a page and no recording; OpenCode 2 answers /event so, and only OpenCode 1 is read here",
                ));
            }
        }
        let mut foreign = false;
        let normalizer = &mut self.normalizer;
        let fed = self.decoder.feed(chunk, |frame| {
            foreign = foreign || is_of_another_protocol(frame.data);
            if !foreign {
                normalizer.push(frame.data, out);
            }
        });
        if foreign {
            return Err(Error::new(
                "invalid_frame",
                "this is a recording of /api/event, the protocol of OpenCode 2, which is not read here; record /event or \
                 /global/event of OpenCode 1 instead",
            ));
        }
        fed.map_err(|error| Error::new("event_too_large", error.to_string()).with_source(error))
    }

    /// Whether the recording begins in the middle of a turn. Only whole turns are emitted, so nothing of that one is.
    pub fn begins_within_turn(&self) -> bool {
        self.normalizer.began_within_turn()
    }

    /// The end of the recording: what is open ends as `interrupted`.
    pub fn finish(mut self, out: &mut Vec<Event>) {
        self.normalizer.finish(out);
    }
}

/// `/api/event` has `data` where the others have `properties`.
fn is_of_another_protocol(json: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Keys {
        #[serde(default)]
        properties: Present,
        #[serde(default)]
        payload: Present,
        #[serde(default)]
        data: Present,
        #[serde(default, rename = "type")]
        event_type: Present,
    }
    #[derive(Default)]
    struct Present(bool);
    impl<'de> serde::Deserialize<'de> for Present {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self(true))
        }
    }
    // Looked for in the text first: every event is asked, and hardly any has it.
    memchr::memmem::find(json, b"\"data\"").is_some()
        && serde_json::from_slice::<Keys>(json)
            .is_ok_and(|keys| keys.data.0 && keys.event_type.0 && !keys.properties.0 && !keys.payload.0)
}
