//! The agent asks, the program answers: `cargo run --example questions`, beside `turnwire serve --runtime practice`.

use turnwire::NewChat;

#[tokio::main]
async fn main() -> Result<(), turnwire::Error> {
    let client = turnwire::Client::from_env()?;
    let chat = client.chat().create(NewChat::new().title("Questions")).await?;
    let mut stream = client.chat().respond(&chat.id, "/ask").await?;
    while let Some(event) = stream.try_next().await? {
        let Some(question) = event.question() else { continue };
        let mut answers = Vec::new();
        for prompt in &question.questions {
            println!("{}", prompt.question);
            for option in &prompt.options {
                println!("  {}: {}", option.label, option.description);
            }
            answers.push(prompt.options.first().map(|option| option.label.clone()));
        }
        println!("answering {answers:?}");
        stream.answer(question, answers).await?;
    }
    println!("{}", stream.result().await?.text());
    Ok(())
}
