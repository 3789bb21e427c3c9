//! `turnwire chat`: a conversation in the terminal.

use crate::args::Chat;
use crate::conversation::{Conversation, Ended, cancel_any, opening, unless_interrupted};
use crate::input::Input;
use crate::output::{Output, one_line};
use crate::{Interrupts, Stop};
use turnwire::{Client, ErrorKind, ListChats, NewChat, TurnStream};

pub(crate) async fn run(args: Chat, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let mut input = Input::new();
    // A person sees what to type and where; a pipe sees the answers only.
    let person = input.is_terminal && output.err_is_terminal;
    let mut new = NewChat::new();
    new.title = args.title;
    new.model = args.model;
    let mut talk = Talk {
        client,
        chat: args.chat,
        new,
        output,
        input: &mut input,
        interrupts,
        json: args.json,
        person,
        failed: false,
    };
    let talked = talk.talk().await;
    let failed = talk.failed;
    if let Some(chat) = talk.chat.filter(|_| person) {
        output.say_line(&format!("`turnwire chat {chat}` takes it up again.")).await;
    }
    talked?;
    if failed && !person { Err(Stop::Code(1)) } else { Ok(()) }
}

struct Talk<'a> {
    client: Client,
    /// `None`: it is made with the first prompt, so that leaving at once leaves nothing behind.
    chat: Option<String>,
    new: NewChat,
    output: &'a mut Output,
    input: &'a mut Input,
    interrupts: &'a mut Interrupts,
    json: bool,
    person: bool,
    failed: bool,
}

impl Talk<'_> {
    /// Prompts and turns until the person, the pipe or an interrupt ends it.
    async fn talk(&mut self) -> Result<(), Stop> {
        let running = self.look().await?;
        if self.person {
            self.output.say_line("Ctrl-C cancels a turn, Ctrl-D leaves.").await;
        }
        if let Some(stream) = running {
            if self.person {
                self.output.say_line("A turn is running:").await;
            }
            self.follow(Ok(stream)).await?;
        }
        while let Some(prompt) = self.prompt().await? {
            let words = prompt.trim();
            if words.is_empty() {
                continue;
            }
            if matches!(words, "/exit" | "/quit") {
                break;
            }
            let opened = open(&self.client, &mut self.chat, &self.new, words);
            let opened = opening(self.output, self.interrupts, opened).await;
            if let (Err(Stop::Code(_)), Some(chat)) = (&opened, &self.chat) {
                cancel_any(&self.client, chat).await;
            }
            self.follow(opened).await?;
        }
        Ok(())
    }

    /// Finds out before anything is typed whether there is somebody to talk to; gives the turn that runs already.
    async fn look(&mut self) -> Result<Option<TurnStream>, Stop> {
        if let Some(chat) = &self.chat {
            return unless_interrupted(self.interrupts, self.client.chat().attach(chat).into_future()).await;
        }
        if self.person {
            let listed = self.client.chat().list(ListChats::new().limit(1)).into_future();
            tokio::select! {
                interrupt = self.interrupts.next() => return Err(interrupt.into()),
                listed = listed => match listed {
                    Err(error) if error.is_connect() || error.kind() == ErrorKind::Authentication => return Err(error.into()),
                    // Other services have no such list; that says nothing about talking.
                    _ => {}
                },
            }
        }
        Ok(None)
    }

    /// What to say next; `None` at the end of the input.
    async fn prompt(&mut self) -> Result<Option<String>, Stop> {
        if self.person {
            self.output.say(if self.output.lively { "\n\x1b[1m>\x1b[0m " } else { "\n> " }).await;
        }
        let said = tokio::select! {
            line = self.input.line() => Ok(line),
            interrupt = self.interrupts.next() => Err(interrupt.into()),
        };
        if self.person && !matches!(said, Ok(Some(_))) {
            self.output.say("\n").await;
        }
        said
    }

    /// Follows a turn. What goes wrong with it is said, and a person may try again; a pipe ends.
    async fn follow(&mut self, opened: Result<TurnStream, Stop>) -> Result<(), Stop> {
        let followed = match opened {
            Ok(stream) => {
                let (output, input, interrupts) = (&mut *self.output, &mut *self.input, &mut *self.interrupts);
                Conversation { output, input, interrupts, json: self.json }.follow(stream).await
            }
            Err(stop) => Err(stop),
        };
        match followed {
            Ok(ended) => {
                self.failed |= ended.failure().is_some();
                self.stays(&ended)
            }
            Err(Stop::Failed(message, causes)) if self.person => {
                self.output.say_failure(&format!("✗ {message}"), &causes).await;
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

/// What a chat is called after what was said first in it.
pub(crate) fn title(words: &str) -> String {
    one_line(words, 60)
}

/// Says it, in a new chat if there is none yet.
async fn open(client: &Client, chat: &mut Option<String>, new: &NewChat, words: &str) -> turnwire::Result<TurnStream> {
    let id = if let Some(id) = chat {
        id.clone()
    } else {
        let mut new = new.clone();
        new.title.get_or_insert_with(|| title(words));
        chat.insert(client.chat().create(new).await?.id.to_string()).clone()
    };
    client.chat().respond(&id, words).await
}
