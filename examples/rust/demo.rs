//! One turn with a tool call, every event as it comes: `TURNWIRE_BASE_URL=… cargo run --example demo`

use std::time::Instant;
use turnwire::NewChat;

#[tokio::main]
async fn main() -> Result<(), turnwire::Error> {
    let began = Instant::now();
    let mut events = 0;
    let client = turnwire::Client::from_env()?;
    let chat = client.chat().create(NewChat::new().title("Demo from Rust")).await?;
    let mut stream = client.chat().respond(&chat.id, "/tool Write a file and tell me about it.").await?;
    while let Some(event) = stream.try_next().await? {
        events += 1;
        println!("{:4} {:21} {}", event.seq, event.event_type(), event.text_delta().unwrap_or_default());
    }
    let turn = stream.result().await?;
    client.chat().delete(&chat.id).await?;
    println!("{}", turn.text());
    println!("rust    turn.completed  {}, {events} events, {:.1} s", turn.status, began.elapsed().as_secs_f64());
    Ok(())
}
