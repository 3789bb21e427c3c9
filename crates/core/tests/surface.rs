//! The names users type: those of `tests/conformance/surface.json`. Each is used here, so a missing name does not compile,
//! and a name that was added for the other languages fails the comparison.
#![allow(clippy::unwrap_used, clippy::let_underscore_must_use, clippy::let_underscore_future, missing_docs)]

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use turnwire::chat::{ListChats, ListMessages, NewChat, OnConflict, PermissionReply, Prompt, Resume, Upload};
use turnwire::event::{Permission, Question};
use turnwire::stream::{RelayCursor, RelayStream, TurnCursor};
use turnwire::{Client, RequestOptions, Timeout, TurnStream};

const CHAT: &str = "chat_1";

type Names = BTreeSet<String>;

/// `call "operation": receiver => method(argument = value, …) [builder = value, …];`, which takes the options of a call
/// too, or `with` for a value that is an argument of it, which is itself the argument `built`.
macro_rules! operations {
    (@end call $made:expr) => { $made.options(RequestOptions::new()) };
    (@end with $made:expr) => { $made };
    ($($end:ident $name:literal: $on:expr => $($method:ident($($argument:ident = $value:expr),*))?
        [$($option:ident = $given:expr),*];)*) => {{
        let mut found = BTreeMap::<&str, (Names, Names)>::new();
        $({
            let _ = operations!(@end $end $on $(.$method($($value),*))? $(.$option($given))*);
            let row = found.entry($name).or_default();
            $(row.0.insert(stringify!($method).to_owned());
            row.1.extend([$(stringify!($argument)),*].map(str::to_owned));)?
            row.1.extend([$(stringify!($option)),*].map(str::to_owned));
            row.1.remove("built");
        })*
        found
    }};
}

/// The members of a stream, used where there is one.
macro_rules! members {
    ($value:pat = $none:expr => $on:ident: $($name:ident($($argument:expr),*)),+) => {{
        if let Some($value) = $none {
            $(let _ = $on.$name($($argument),*);)+
        }
        [$(stringify!($name)),+].map(str::to_owned).into()
    }};
}

fn surface() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/surface.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn snake(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, letter| {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
        out
    })
}

fn names(list: &Value) -> Names {
    list.as_array().unwrap().iter().map(|name| snake(name.as_str().unwrap())).collect()
}

#[tokio::test]
async fn every_operation_has_its_arguments() {
    let client = Client::builder().base_url("http://127.0.0.1:9").build().unwrap();
    let chats = client.chat();
    let (files, messages, turns) = (chats.files(), chats.messages(), chats.turns());
    let minute = Duration::from_secs(60);
    let cursor = || TurnCursor::new(CHAT, "turn_1", 1);
    let prompt = || Prompt::new("Hello");
    let refuse = || PermissionReply::Reject(Some("Not that one.".to_owned()));
    let found = operations! {
        call "create": chats => create(built = NewChat::new()) [];
        with "create": NewChat::new() => [
            title = "T", model = "m", idle_timeout = minute, vault_ids = ["v"], instructions = "Be brief."
        ];
        call "retrieve": chats => retrieve(id = CHAT) [];
        call "update": chats => update(id = CHAT, title = "T") [];
        call "list": chats => list(built = ListChats::new()) [];
        call "list": chats => list_all(built = ListChats::new()) [];
        with "list": ListChats::new() => [limit = 1, cursor = "1", status = "idle"];
        call "delete": chats => delete(id = CHAT) [];
        call "cancel": chats => cancel(id = CHAT) [];
        call "cancel": chats => cancel_turn(id = CHAT, turn_id = "turn_1") [];
        call "createStreamToken": chats => create_stream_token(id = CHAT) [];
        call "replyToQuestion": chats => reply_to_question(id = CHAT, request_id = "que_1", answers = [["yes"]]) [];
        call "rejectQuestion": chats => reject_question(id = CHAT, request_id = "que_1") [];
        call "replyToPermission": chats => reply_to_permission(id = CHAT, request_id = "per_1", reply = refuse()) [];
        call "respond": chats => respond(id = CHAT, prompt = prompt()) [
            model = "m", on_conflict = OnConflict::Wait, cancel_on_close = true, resume = Resume::Off, on_state = |_| {},
            on_question = |_| async { Ok(None) }, on_permission = |_| async { Ok(PermissionReply::Once) }
        ];
        with "respond": prompt() => text(parts = "more") [agent = "a", system = "s", format = json!({})];
        call "resume": chats => resume(cursor = cursor()) [];
        call "attach": chats => attach(id = CHAT) [];
        call "attach": chats => attach_turn(id = CHAT, turn_id = "turn_1") [];
        call "sendMessage": chats => send_message(id = CHAT, prompt = prompt()) [
            model = "m", on_conflict = OnConflict::Wait, cancel_on_close = true, resume = Resume::Off, on_state = |_| {},
            on_question = |_| async { Ok(None) }, on_permission = |_| async { Ok(PermissionReply::Once) }
        ];
        with "sendMessage": prompt() => text(parts = "more") [agent = "a", system = "s", format = json!({})];
        call "stream": chats => stream(id = CHAT, last_event_id = RelayCursor::START) [token = "tok_1"];
        call "files.list": files => list(id = CHAT) [];
        call "files.download": files => download(id = CHAT, file_path = "a.txt") [];
        call "files.upload": files => upload(id = CHAT, file_path = "a.txt", content = Upload::from("a")) [];
        call "files.delete": files => delete(id = CHAT, file_path = "a.txt") [];
        call "messages.list": messages => list(id = CHAT, built = ListMessages::new()) [];
        call "messages.list": messages => list_all(id = CHAT, built = ListMessages::new()) [];
        with "messages.list": ListMessages::new() => [limit = 1, cursor = "1"];
        call "turns.retrieve": turns => retrieve(id = CHAT, turn_id = "turn_1") [];
    };
    let surface = surface();
    let operations = surface["operations"].as_array().unwrap();
    assert_eq!(found.len(), operations.len(), "an operation that only Rust has");
    for operation in operations {
        let name = operation["name"].as_str().unwrap();
        let (methods, rust) = found.get(name).unwrap_or_else(|| panic!("Rust has no {name}"));
        assert!(methods.contains(&snake(name.rsplit('.').next().unwrap())), "{name} has another name: {methods:?}");
        let mut arguments: Names = &names(&operation["positional"]) | &names(&operation["named"]);
        match name {
            // A type of Rust's says it better: a `Duration`, and a reply that has its message.
            "create" => arguments.remove("idle_timeout_ms") && arguments.insert("idle_timeout".to_owned()),
            "replyToPermission" => arguments.remove("message"),
            _ => true,
        };
        assert_eq!(rust, &arguments, "{name}");
    }
}

#[test]
fn options_clocks_and_streams_have_their_names() {
    let surface = surface();
    let second = Duration::from_secs(1);
    let found = operations! {
        with "options": RequestOptions::new() => header(headers = "x-a", headers = "1") [
            timeout = second, max_retries = 1, idempotency_key = "key"
        ];
        with "options": RequestOptions::new() => query(query = "q", query = 1) [];
        with "options": RequestOptions::new() => body(body = "b", body = 1) [];
        with "timeout": Timeout::new() => [connect = second, answer = second, idle = second, total = second];
    };
    for (name, (_, rust)) in found {
        assert_eq!(rust, names(&surface[name]), "{name}");
    }
    let turn: Names = members!((mut stream, question, permission) = None::<(TurnStream, Question, Permission)> => stream:
        snapshot(), cursor(), chat_id(), turn_id(), request_id(), answer(&question, [["yes"]]), reject(&question),
        allow(&permission, PermissionReply::Once), cancel(), close(), text_stream(), result());
    assert_eq!(turn, names(&surface["turnStream"]));
    let relay: Names = members!(mut stream = None::<RelayStream> => stream: last_event_id(), request_id(), close());
    assert_eq!(relay, names(&surface["relayStream"]));
}
