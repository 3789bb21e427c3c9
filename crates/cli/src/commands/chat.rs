//! `turnwire chat`: a conversation in the terminal.

use crate::args::Chat;
use crate::conversation::{Conversation, Ended, unless_interrupted};
use crate::input::Input;
use crate::output::Output;
use crate::{Interrupts, Stop};
use turnwire::{Client, NewChat, TurnStream};

pub(crate) async fn run(args: Chat, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let mut input = Input::new();
    // A person sees what to type and where; a pipe sees the answers only.
    let person = input.is_terminal && output.err_is_terminal;
    let (chat, running) = open(&client, args.chat, args.title, args.model, interrupts).await?;
    if person {
        output.say_line(&format!("chat {chat}. Ctrl-C cancels a turn, Ctrl-D leaves.")).await;
    }
    let mut talk = Talk { output, input: &mut input, interrupts, json: args.json, failed: false, person };
    if let Some(stream) = running {
        if person {
            talk.output.say_line("A turn is running:").await;
        }
        talk.follow(Ok(stream)).await?;
    }
    loop {
        let Some(prompt) = talk.prompt().await? else { break };
        let words = prompt.trim();
        if words.is_empty() {
            continue;
        }
        if matches!(words, "/exit" | "/quit") {
            break;
        }
        let opened = tokio::select! {
            opened = client.chat().respond(&chat, words).into_future() => opened,
            interrupt = talk.interrupts.next() => return Err(interrupt.into()),
        };
        talk.follow(opened).await?;
    }
    if person {
        talk.output.say_line(&format!("`turnwire chat {chat}` takes it up again.")).await;
    }
    if talk.failed && !person { Err(Stop::Code(1)) } else { Ok(()) }
}

/// The chat to talk in, and the turn that runs in it already.
async fn open(
    client: &Client,
    chat: Option<String>,
    title: Option<String>,
    model: Option<String>,
    interrupts: &mut Interrupts,
) -> Result<(String, Option<TurnStream>), Stop> {
    let Some(chat) = chat else {
        let mut new = NewChat::new();
        new.title = title;
        new.model = model;
        let chat = unless_interrupted(interrupts, client.chat().create(new).into_future()).await?;
        return Ok((chat.id.to_string(), None));
    };
    let running = unless_interrupted(interrupts, client.chat().attach(&chat)).await?;
    Ok((chat, running))
}

struct Talk<'a> {
    output: &'a mut Output,
    input: &'a mut Input,
    interrupts: &'a mut Interrupts,
    json: bool,
    person: bool,
    failed: bool,
}

impl Talk<'_> {
    /// What to say next; `None` at the end of the input.
    async fn prompt(&mut self) -> Result<Option<String>, Stop> {
        if self.person {
            self.output.say("\n\x1b[1m>\x1b[0m ").await;
        }
        tokio::select! {
            line = self.input.line() => {
                if line.is_none() && self.person {
                    self.output.say("\n").await;
                }
                Ok(line)
            }
            interrupt = self.interrupts.next() => {
                if self.person {
                    self.output.say("\n").await;
                }
                Err(interrupt.into())
            }
        }
    }

    /// Follows a turn. What goes wrong with it is said, and a person may try again; a pipe ends.
    async fn follow(&mut self, opened: turnwire::Result<TurnStream>) -> Result<(), Stop> {
        let followed = match opened {
            Ok(stream) => {
                let (output, input, interrupts) = (&mut *self.output, &mut *self.input, &mut *self.interrupts);
                Conversation { output, input, interrupts, json: self.json }.follow(stream).await
            }
            Err(error) => Err(error.into()),
        };
        match followed {
            Ok(ended) => {
                self.failed |= ended.failure().is_some();
                self.stays(&ended)
            }
            Err(Stop::Failed(message, causes)) if self.person => {
                self.output.say_line(&format!("✗ {message}")).await;
                for cause in causes {
                    self.output.say_line(&format!("  because: {cause}")).await;
                }
                Ok(())
            }
            Err(stop) => Err(stop),
        }
    }

    /// A person who cancelled a turn goes on talking; a pipe that was interrupted is over.
    fn stays(&self, ended: &Ended) -> Result<(), Stop> {
        match ended.interrupted {
            Some(interrupt) if !self.person => Err(interrupt.into()),
            _ => Ok(()),
        }
    }
}
