//! The operations by name, with their arguments: one table for every language.

use crate::arguments::{Language, invalid};
use crate::done::{Answer, Chunks, Done};
use crate::driver::Driver;
use crate::pump::{Pump, RelayPump};
use crate::surface::{Row, fields};
use serde::Deserialize;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use turnwire::chat::{ListChats, ListMessages, NewChat, OnConflict, PermissionReply, Prompt, Resume, Upload};
use turnwire::http::{Call, RequestOptions};
use turnwire::policy::attendance::{Policies, Policy};
use turnwire::{Client, Result, TurnCursor, TurnStream};

/// Arguments of an operation. A missing id is read as an empty one, which core refuses with an error.
macro_rules! arguments {
    ($($name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(#[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub(crate) struct $name {
            $($field: $type),*
        })*
    };
}

arguments! {
    OfChat { id: String }
    Change { id: String, title: Option<String> }
    OfTurn { id: String, turn_id: Option<String> }
    OfRequest { request_id: String, id: String }
    Answers { answers: Vec<Vec<String>> }
    Permit { reply: String, message: Option<String> }
    // What its reader says of a turn. `on_state`: whether it watches the connection.
    Reading {
        on_conflict: OnConflict,
        cancel_on_close: bool,
        resume: Resume,
        on_state: bool,
        on_question: Policy,
        on_permission: Policy,
    }
    Cursor { cursor: String }
    FromEvent { id: String, token: Option<String>, last_event_id: Option<u64> }
    OfFile { file_path: String, id: String }
    // What is no JSON, and comes beside it.
    Content { content: Option<IgnoredAny> }
}

/// `"name" [arguments that need no name] Kind(types that read the arguments) [a type that names those read elsewhere]`.
macro_rules! operations {
    ($($name:literal [$($positional:literal),*] $variant:ident($($arguments:ty),*) $([$beside:ty])?)*) => {
        /// One operation, with its arguments.
        pub(crate) enum Kind {
            $($variant($($arguments),*)),*
        }

        impl Kind {
            fn parse(language: &Language, name: &str, json: &str) -> Result<Self> {
                match name {
                    $($name => Ok(Self::$variant($(language.read::<$arguments>(json)?),*)),)*
                    other => Err(invalid(format!("There is no operation {other:?}."))),
                }
            }
        }

        /// Every operation, with the names of its arguments.
        fn table() -> Vec<Row> {
            vec![$(Row::new($name, &[$($positional),*], &[$(fields::<$arguments>(),)* $(fields::<$beside>())?])),*]
        }
    };
}

operations! {
    "create" [] Create(NewChat)
    "retrieve" ["id"] Retrieve(OfChat)
    "update" ["id"] Update(Change)
    "list" [] List(ListChats)
    "delete" ["id"] Delete(OfChat)
    "cancel" ["id"] Cancel(OfTurn)
    "createStreamToken" ["id"] CreateStreamToken(OfChat)
    "replyToQuestion" ["requestId"] ReplyToQuestion(OfRequest, Answers)
    "rejectQuestion" ["requestId"] RejectQuestion(OfRequest)
    "replyToPermission" ["requestId"] ReplyToPermission(OfRequest, Permit)
    "respond" ["id", "prompt"] Respond(OfChat, Prompt, Reading)
    "resume" ["cursor"] Resume(Cursor)
    "attach" ["id"] Attach(OfTurn)
    "sendMessage" ["id", "prompt"] SendMessage(OfChat, Prompt) [Reading]
    "stream" ["id"] Stream(FromEvent)
    "files.list" ["id"] ListFiles(OfChat)
    "files.download" ["filePath"] Download(OfFile)
    "files.upload" ["filePath"] Upload(OfFile) [Content]
    "files.delete" ["filePath"] DeleteFile(OfFile)
    "messages.list" ["id"] ListMessages(OfChat, ListMessages)
    "turns.retrieve" ["turnId"] RetrieveTurn(OfTurn)
}

/// What users type, as JSON: operations with their arguments, and the options every call takes.
pub fn surface() -> Value {
    let operations: Vec<Value> = table().iter().map(Row::to_json).collect();
    json!({ "operations": operations, "options": fields::<RequestOptions>() })
}

/// An operation that has not started, with a client that has the options of the call.
pub struct Operation {
    kind: Kind,
    client: Client,
    options: RequestOptions,
    content: Option<Upload>,
}

impl Operation {
    /// Reads a call: the operation's name, and its arguments and options as JSON. `content`: what an upload writes.
    ///
    /// # Errors
    /// There is no such operation, or an argument or an option is wrong.
    pub fn parse(
        language: &Language,
        client: &Client,
        name: &str,
        arguments: &str,
        options: &str,
        content: Option<Upload>,
    ) -> Result<Self> {
        let options = crate::options(language, options)?;
        options.check_for(name)?;
        Ok(Self { kind: Kind::parse(language, name, arguments)?, client: client.clone(), options, content })
    }

    /// Executes the operation. `driver` drives its streams.
    ///
    /// # Errors
    /// Those of the operation; for an answer that came and cannot be read, see [`Answer::value`].
    pub async fn run(self, driver: &'static Driver) -> Result<Done> {
        let (chats, options) = (self.client.chat(), self.options);
        match self.kind {
            Kind::Create(chat) => once(chats.create(chat), options).await,
            Kind::Retrieve(of) => once(chats.retrieve(&of.id), options).await,
            Kind::Update(change) => {
                let title = change.title.ok_or_else(|| invalid("title must be a string."))?;
                once(chats.update(&change.id, title), options).await
            }
            Kind::List(page) => once(chats.list(page), options).await,
            Kind::Delete(of) => once(chats.delete(&of.id), options).await,
            Kind::Cancel(of) => match of.turn_id {
                Some(turn) => once(chats.cancel_turn(&of.id, turn), options).await,
                None => once(chats.cancel(&of.id), options).await,
            },
            Kind::CreateStreamToken(of) => once(chats.create_stream_token(&of.id), options).await,
            Kind::ReplyToQuestion(of, given) => {
                once(chats.reply_to_question(&of.id, &of.request_id, given.answers), options).await
            }
            Kind::RejectQuestion(of) => once(chats.reject_question(&of.id, &of.request_id), options).await,
            Kind::ReplyToPermission(of, given) => {
                let reply = PermissionReply::from_word(&given.reply, given.message)?;
                once(chats.reply_to_permission(&of.id, &of.request_id, reply), options).await
            }
            Kind::Respond(of, prompt, reading) => {
                let respond = chats
                    .respond(&of.id, prompt)
                    .on_conflict(reading.on_conflict)
                    .cancel_on_close(reading.cancel_on_close)
                    .resume(reading.resume)
                    .options(options);
                let policies = Policies::new(reading.on_question, reading.on_permission);
                Ok(Done::Turn(Pump::of_turn(driver, respond.await?, policies, reading.on_state)))
            }
            Kind::Resume(from) => {
                let cursor: TurnCursor = from.cursor.parse()?;
                Ok(turn(driver, Some(chats.resume(cursor).options(options).await?)))
            }
            Kind::Attach(of) => Ok(match of.turn_id {
                Some(id) => turn(driver, Some(chats.attach_turn(&of.id, id).options(options).await?)),
                None => turn(driver, chats.attach(&of.id).options(options).await?),
            }),
            // The service's own operation. The languages read a turn's stream instead, which survives what this does not.
            Kind::SendMessage(of, prompt) => once(chats.send_message(&of.id, prompt).raw_call(), options).await,
            Kind::Stream(from) => {
                let mut relay = chats.stream(&from.id, from.last_event_id).options(options);
                if let Some(token) = from.token {
                    relay = relay.token(token);
                }
                Ok(Done::Relay(RelayPump::new(driver, relay.await?)))
            }
            Kind::ListFiles(of) => once(chats.files().list(&of.id), options).await,
            Kind::Download(of) => Ok(Done::Download(Chunks::new(
                chats.files().download(&of.id, &of.file_path).options(options).stream().await?,
            ))),
            Kind::Upload(of) => {
                let content = self.content.ok_or_else(|| invalid("There is nothing to upload: content is missing."))?;
                once(chats.files().upload(&of.id, &of.file_path, content), options).await
            }
            Kind::DeleteFile(of) => once(chats.files().delete(&of.id, &of.file_path), options).await,
            Kind::ListMessages(of, page) => once(chats.messages().list(&of.id, page), options).await,
            Kind::RetrieveTurn(of) => {
                once(chats.turns().retrieve(&of.id, of.turn_id.unwrap_or_default()), options).await
            }
        }
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
}

async fn once<T: Serialize + Send + 'static>(call: Call<T>, options: RequestOptions) -> Result<Done> {
    Ok(Done::Answer(Answer::of(&call.options(options).raw().await?)))
}

fn turn(driver: &'static Driver, stream: Option<TurnStream>) -> Done {
    stream.map_or(Done::Nothing, |stream| Done::Turn(Pump::of_turn(driver, stream, Policies::default(), false)))
}
