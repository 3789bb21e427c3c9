//! The Rust client: typed events, folded into the turn, with every clock and resume on, as it comes.

use turnwire::Client;
use turnwire_bench::task::{self, Outcome, Reader};

struct Turnwire(Client);

impl Reader for Turnwire {
    fn new(base: &str) -> Outcome<Self> {
        Ok(Self(Client::builder().base_url(base).api_key("bench").build()?))
    }

    async fn read(&self, load: &str, mut see: impl FnMut(&str)) -> Outcome {
        let mut stream = self.0.chat().respond(load, "Go on.").await?;
        while let Some(event) = stream.try_next().await? {
            if let Some(delta) = event.text_delta() {
                see(delta);
            }
        }
        Ok(())
    }
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((kind, rest)) if kind == "typed" => task::run::<Turnwire>(rest),
        _ => Err("the kind of client is typed".into()),
    }
}
