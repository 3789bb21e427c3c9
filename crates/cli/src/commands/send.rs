//! `turnwire send`: one turn.

use crate::args::Send;
use crate::conversation::{Conversation, cancel_any, opening};
use crate::input::Input;
use crate::output::Output;
use crate::{Interrupts, Stop};
use turnwire::{Client, NewChat};

pub(crate) async fn run(args: Send, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let mut input = Input::new();
    let text = match args.text.as_slice() {
        [dash] if dash == "-" => {
            tokio::select! {
                text = input.rest() => text,
                interrupt = interrupts.next() => return Err(interrupt.into()),
            }
        }
        words => words.join(" "),
    };
    if text.trim().is_empty() {
        return Err(Stop::failed("there is nothing to say; the text is empty"));
    }
    let client = Client::from_env()?;
    let chat = if args.chat == "new" {
        let new = NewChat::new().title(super::chat::title(&text));
        let new = opening(output, interrupts, client.chat().create(new).into_future()).await?;
        output.say_line(&format!("chat {}", new.id)).await;
        new.id.to_string()
    } else {
        args.chat
    };
    let mut respond = client.chat().respond(&chat, text);
    if let Some(model) = args.model {
        respond = respond.model(model);
    }
    let opened = opening(output, interrupts, respond.into_future()).await;
    if matches!(opened, Err(Stop::Code(_))) {
        cancel_any(&client, &chat).await;
    }
    let stream = opened?;
    let mut conversation = Conversation { output, input: &mut input, interrupts, json: args.json };
    conversation.follow(stream).await?.failure().map_or(Ok(()), Err)
}
