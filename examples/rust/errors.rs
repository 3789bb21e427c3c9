//! What goes wrong, and how it is told: `cargo run --example errors`, beside `turnwire serve --runtime practice`.

use turnwire::{ErrorKind, NewChat};

#[tokio::main]
async fn main() -> Result<(), turnwire::Error> {
    let client = turnwire::Client::from_env()?;

    if let Err(error) = client.chat().retrieve("chat_nowhere").await {
        println!("{:?} {}: {error}", error.kind(), error.code());
    }

    // A turn that fails is told as an event; asking for its result is what raises.
    let chat = client.chat().create(NewChat::new().title("Errors")).await?;
    match client.chat().send_message(&chat.id, "/fail").await {
        Err(error) if error.kind() == ErrorKind::TurnFailed => {
            let turn = error.turn().map(|turn| turn.status.to_string()).unwrap_or_default();
            println!("{:?} {}: {error} (the turn {turn})", error.kind(), error.code());
        }
        other => println!("unexpected: {other:?}"),
    }

    client.chat().delete(&chat.id).await?;
    if let Err(error) = client.chat().respond(&chat.id, "Are you there?").await {
        println!("{:?} {}: {error}", error.kind(), error.code());
    }
    Ok(())
}
