//! The agent's own events, replayed from a cursor: `cargo run --example relay`, beside `turnwire serve`.

use turnwire::{NewChat, RelayCursor, RelayItem};

#[tokio::main]
async fn main() -> Result<(), turnwire::Error> {
    let client = turnwire::Client::from_env()?;
    let chat = client.chat().create(NewChat::new().title("Relay")).await?;
    client.chat().send_message(&chat.id, "Say hello.").await?;

    // 0: from the oldest event kept. A chat that has ended is replayed, then the stream ends.
    client.chat().delete(&chat.id).await?;
    let mut relay = client.chat().stream(&chat.id, RelayCursor::After(0)).await?;
    while let Some(item) = relay.try_next().await? {
        match item {
            RelayItem::Event(event) => println!("{:4} {}", event.id.unwrap_or_default(), event.event_type),
            RelayItem::Gap { oldest } => println!("     older events are gone; going on at {oldest}"),
            RelayItem::Reset { head } => println!("     the log is shorter than that; going on at {head}"),
            _ => {}
        }
    }
    println!("read up to {:?}", relay.last_event_id());
    Ok(())
}
