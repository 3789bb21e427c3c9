//! A turn as a value (our server).

use super::Chats;
use crate::http::{Call, Client, Request};
use crate::turn::Turn;
use reqwest::Method;

/// The turns of chats.
#[derive(Clone, Debug)]
pub struct Turns {
    client: Client,
}

impl Chats {
    /// The turns.
    pub fn turns(&self) -> Turns {
        Turns { client: self.client.clone() }
    }
}

impl Turns {
    /// The turn so far, or whole.
    pub fn retrieve(&self, id: impl AsRef<str>, turn_id: impl AsRef<str>) -> Call<Turn> {
        let request = Request::new("turns.retrieve", Method::GET)
            .id("chat id", id.as_ref())
            .and_then(|request| request.word("turns").id("turn id", turn_id.as_ref()));
        Call::json(&self.client, request)
    }
}
