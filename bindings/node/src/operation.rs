//! The operations by name: arguments in, what the core gives out.

use crate::task::Done;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::mem::take;
use std::pin::Pin;
use turnwire::chat::{Chats, NewChat, OnConflict, PermissionReply, Prompt, Resume, Upload};
use turnwire::chat::{ListChats, ListMessages};
use turnwire::http::Call;
use turnwire::policy::attendance::Policies;
use turnwire::{Client, Error, Result};

/// Every argument of every operation but those that have a type of their own. An id that is absent is an empty one,
/// which the core refuses in its own words.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Args {
    id: String,
    request_id: String,
    turn_id: Option<String>,
    file_path: String,
    title: String,
    answers: Vec<Vec<String>>,
    reply: String,
    message: Option<String>,
    cursor: String,
    token: Option<String>,
    last_event_id: Option<u64>,
    on_conflict: OnConflict,
    cancel_on_close: bool,
    resume: Resume,
    watch_states: bool,
    policies: Policies,
}

pub(crate) type Operation = Pin<Box<dyn Future<Output = Result<Done>> + Send>>;

/// Arguments or options under their names in JavaScript.
pub(crate) fn arguments<T: DeserializeOwned>(json: &str) -> Result<T> {
    turnwire::read_arguments(json, |name| if name == "baseUrl" { "baseURL".to_owned() } else { name.to_owned() })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new("invalid_argument", message)
}

fn call<T: Serialize + Send + 'static>(call: Call<T>) -> Operation {
    Box::pin(async move { Done::answer(&call.raw().await?) })
}

/// The operation `name`, not begun yet.
pub(crate) fn operation(client: &Client, name: &str, args: &str, content: Option<Upload>) -> Result<Operation> {
    let chats: Chats = client.chat();
    let mut given: Args = arguments(args)?;
    let (id, request_id) = (&take(&mut given.id), &take(&mut given.request_id));
    Ok(match name {
        "create" => call(chats.create(arguments::<NewChat>(args)?)),
        "delete" => call(chats.delete(id)),
        "cancel" => call(match given.turn_id {
            Some(turn) => chats.cancel_turn(id, turn),
            None => chats.cancel(id),
        }),
        "createStreamToken" => call(chats.create_stream_token(id)),
        "replyToQuestion" => call(chats.reply_to_question(id, request_id, given.answers)),
        "rejectQuestion" => call(chats.reject_question(id, request_id)),
        "replyToPermission" => {
            let reply = PermissionReply::from_word(&given.reply, given.message)?;
            call(chats.reply_to_permission(id, request_id, reply))
        }
        "retrieve" => call(chats.retrieve(id)),
        "update" => call(chats.update(id, &given.title)),
        "list" => call(chats.list(arguments::<ListChats>(args)?)),
        "messages.list" => call(chats.messages().list(id, arguments::<ListMessages>(args)?)),
        "turns.retrieve" => call(chats.turns().retrieve(id, given.turn_id.unwrap_or_default())),
        "files.list" => call(chats.files().list(id)),
        "files.upload" => {
            let content = content.unwrap_or_else(|| Vec::new().into());
            call(chats.files().upload(id, &given.file_path, content))
        }
        "files.delete" => call(chats.files().delete(id, &given.file_path)),
        "files.download" => {
            let download = chats.files().download(id, &given.file_path);
            Box::pin(async move { Ok(Done::Download(Box::new(download.stream().await?))) })
        }
        "respond" => {
            let respond = chats
                .respond(id, arguments::<Prompt>(args)?)
                .on_conflict(given.on_conflict)
                .cancel_on_close(given.cancel_on_close)
                .resume(given.resume);
            Box::pin(async move {
                let mut stream = respond.await?;
                stream.set_policies(given.policies);
                if given.watch_states {
                    stream.watch_states();
                }
                Ok(Done::turn(stream))
            })
        }
        "resume" => Box::pin(async move { Ok(Done::turn(chats.resume(&given.cursor).await?)) }),
        "attach" => {
            let id = id.clone();
            Box::pin(async move {
                Ok(match given.turn_id {
                    Some(turn) => Done::turn(chats.attach_turn(id, turn).await?),
                    None => chats.attach(id).await?.map_or(Done::Nothing, Done::turn),
                })
            })
        }
        "stream" => {
            let mut relay = chats.stream(id, given.last_event_id);
            if let Some(token) = given.token {
                relay = relay.token(token);
            }
            Box::pin(async move { Ok(Done::Relay(Box::new(relay.await?))) })
        }
        other => return Err(invalid(format!("There is no operation {other:?}."))),
    })
}
