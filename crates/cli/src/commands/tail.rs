//! `turnwire tail`: a chat's raw events as they come.

use crate::Stop;
use crate::args::Tail;
use crate::output::{Output, one_line};
use serde_json::Value;
use turnwire::stream::{RelayEvent, RelayItem};
use turnwire::{Client, RelayCursor};

pub(crate) async fn run(args: Tail, output: &mut Output) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let mut stream = client.chat().stream(&args.chat, RelayCursor::from(args.after)).await?;
    if output.err_is_terminal {
        output.say_line("following; Ctrl-C ends").await;
    }
    loop {
        match stream.try_next().await? {
            Some(RelayItem::Event(event)) if args.json => output.print_line(&json(&event)).await?,
            Some(RelayItem::Event(event)) => output.print_line(&line(&event)).await?,
            Some(RelayItem::Gap { oldest }) => {
                output.say_line(&format!("the events before {oldest} are not kept any more")).await;
            }
            Some(RelayItem::Reset { head }) => {
                output.say_line(&format!("this chat has only {head} events; following it from there")).await;
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

/// The event's own JSON, as it came, in an envelope with its number.
fn json(event: &RelayEvent) -> String {
    let id = event.id.map(|id| format!("\"id\":\"{id}\",")).unwrap_or_default();
    format!("{{{id}\"event\":{}}}", event.raw.get())
}

fn line(event: &RelayEvent) -> String {
    let id = event.id.map(|id| id.to_string()).unwrap_or_default();
    let raw = event.raw.to_value();
    format!("{id:>6}  {:26}  {}", event.event_type, one_line(&detail(&raw["properties"]), 90)).trim_end().to_owned()
}

/// What tells this event from others of its type.
fn detail(properties: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let part = &properties["part"];
    let info = &properties["info"];
    if properties["delta"].is_string() {
        properties["delta"].to_string()
    } else if part.is_object() {
        let state = text(&part["state"]["status"]);
        format!("{} {} {state} {}", text(&part["type"]), text(&part["tool"]), text(&part["text"]))
    } else if info["role"].is_string() {
        let ended = if info["time"]["completed"].is_null() { "" } else { "ended" };
        format!("{} {} {ended}", text(&info["role"]), text(&info["finish"]))
    } else if info["title"].is_string() {
        text(&info["title"])
    } else if properties["status"].is_object() {
        text(&properties["status"]["type"])
    } else if properties["error"].is_object() {
        format!("{} {}", text(&properties["error"]["name"]), text(&properties["error"]["data"]["message"]))
    } else {
        ["state", "status", "title"].into_iter().map(|name| text(&properties[name])).collect::<Vec<_>>().join(" ")
    }
}
