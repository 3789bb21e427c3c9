//! The program of the README: a turn's text as it is written, a question answered, the turn at the end.
//!
//! Run it beside `turnwire serve`: `cargo run --example hello`

use turnwire::NewChat;

#[tokio::main]
async fn main() -> Result<(), turnwire::Error> {
    let client = turnwire::Client::from_env()?;
    let chat = client.chat().create(NewChat::new().title("Review")).await?;
    let mut stream = client.chat().respond(&chat.id, "List the open points.").await?;
    while let Some(event) = stream.try_next().await? {
        if let Some(text) = event.text_delta() {
            print!("{text}");
        } else if let Some(question) = event.question() {
            stream.answer(question, [["yes"]]).await?;
        }
    }
    let turn = stream.result().await?;
    println!("\n{}, {:?} µ$", turn.status, turn.cost_micros());
    Ok(())
}
