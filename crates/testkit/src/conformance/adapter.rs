//! This project's Rust client under the kit: the adapter of `docs/conformance.md`, in one process or behind
//! `turnwire-testkit adapter`.

use super::case::FEATURES;
use super::line::{Failure, Hello, Line, Request};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use turnwire::chat::{PermissionReply, Resume};
use turnwire::event::Ids;
use turnwire::normalize::Capture;
use turnwire::sse::Decoder;
use turnwire::stream::{RelayItem, TurnStream};
use turnwire::{
    Client, Error, Event, ListChats, NewChat, Normalizer, RelayCursor, RequestOptions, Result, Turn, TurnAccumulator,
    TurnCursor,
};

/// Answers requests until the input ends.
///
/// # Errors
/// The input or the output is closed, or a line is not a request.
pub async fn serve(input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    let features = FEATURES.iter().map(|(name, _)| (*name).to_owned()).collect();
    writeln!(output, "{}", json!(Hello { client: "turnwire (Rust)".to_owned(), features }))?;
    output.flush()?;
    for line in input.lines() {
        for line in answer(&serde_json::from_str(&line?)?).await {
            writeln!(output, "{}", json!(line))?;
        }
        output.flush()?;
    }
    Ok(())
}

/// Does what is requested; the lines that tell how it went.
pub(crate) async fn answer(request: &Request) -> Vec<Line> {
    let mut lines = Vec::new();
    let end = match run(request, &mut lines).await {
        Ok(result) => Line::Result(result),
        Err(error) => Line::Error(failure(&error)),
    };
    lines.push(end);
    lines
}

async fn run(request: &Request, lines: &mut Vec<Line>) -> Result<Value> {
    match request.operation.as_str() {
        "fold" => Ok(fold(&request.events)),
        "parse" => Ok(parse(&request.chunks)),
        "normalize" => normalize(request, lines),
        _ => call(request, lines).await,
    }
}

async fn call(request: &Request, lines: &mut Vec<Line>) -> Result<Value> {
    let client = client(request)?;
    let (chats, id) = (client.chat(), request.chat_id.as_str());
    if request.acquainted {
        chats.retrieve(id).await?;
    }
    let options: RequestOptions = serde_json::from_value(Value::Object(request.options.clone())).map_err(wrong)?;
    Ok(match request.operation.as_str() {
        "respond" => {
            let respond = chats.respond(id, request.prompt.as_str()).options(options).resume(resume(request));
            let on_conflict = request.on_conflict.as_deref().unwrap_or("error");
            let on_conflict = serde_json::from_value(json!(on_conflict)).map_err(wrong)?;
            json!(follow(respond.on_conflict(on_conflict).await?, request, lines).await?)
        }
        "resume" => {
            let cursor = request.cursor.as_ref().ok_or_else(|| wrong("resume needs a cursor"))?;
            let cursor = TurnCursor::new(cursor.chat_id.as_str(), cursor.turn_id.as_str(), cursor.seq);
            json!(follow(chats.resume(cursor).options(options).await?, request, lines).await?)
        }
        "attach" => match chats.attach(id).options(options).await? {
            Some(stream) => json!(follow(stream, request, lines).await?),
            None => Value::Null,
        },
        "sendMessage" => json!(chats.send_message(id, request.prompt.as_str()).options(options).await?),
        "create" => json!(chats.create(NewChat::new()).options(options).await?),
        "retrieve" => json!(chats.retrieve(id).options(options).await?),
        "delete" => json!(chats.delete(id).options(options).await?),
        "cancel" => json!(chats.cancel(id).options(options).await?),
        "list" => json!(chats.list(ListChats::new()).options(options).await?),
        "files" => json!(chats.files().list(id).options(options).await?),
        "download" => {
            let file = chats.files().download(id, "a/file.txt").options(options).await?;
            json!({"bytes": file.content.len()})
        }
        "relay" | "relayLive" => {
            let live = request.operation == "relayLive";
            let cursor = if live { RelayCursor::Live } else { RelayCursor::START };
            let mut relay = chats.stream(id, cursor).options(options).await?;
            if live {
                chats.send_message(id, request.prompt.as_str()).await?;
            }
            while let Some(item) = relay.try_next().await? {
                let number = match item {
                    RelayItem::Event(event) => event.id.unwrap_or_default(),
                    RelayItem::Gap { oldest } => {
                        lines.push(Line::Notice(format!("gap {oldest}")));
                        continue;
                    }
                    RelayItem::Reset { head } => {
                        lines.push(Line::Notice(format!("reset {head}")));
                        continue;
                    }
                    _ => continue,
                };
                lines.push(Line::RelayEvent(number));
                if request.until.is_some_and(|until| number >= until) {
                    break;
                }
            }
            json!({"lastEventId": relay.last_event_id()})
        }
        other => return Err(wrong(format!("there is no operation {other}"))),
    })
}

fn client(request: &Request) -> Result<Client> {
    let mut builder = Client::builder().base_url(&request.base_url).api_key(request.api_key.as_str());
    if let Some(scale) = request.backoff_scale {
        builder = builder.backoff_scale(scale);
    }
    if let Some(proxy) = &request.proxy {
        builder = builder.proxy(proxy);
    }
    if let Some(file) = &request.ca_bundle {
        builder = builder.ca_bundle(file);
    }
    if let Some(bytes) = request.max_event_bytes {
        builder = builder.max_event_bytes(bytes);
    }
    builder.build()
}

fn resume(request: &Request) -> Resume {
    match request.resume.as_deref() {
        Some("relay") => Resume::Relay,
        Some("off") => Resume::Off,
        _ => Resume::Auto,
    }
}

/// Reads a turn to its end, and does in between what its caller is to do.
async fn follow(mut stream: TurnStream, request: &Request, lines: &mut Vec<Line>) -> Result<Turn> {
    let mut delivered = 0;
    loop {
        let event = match stream.try_next().await {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => {
                // PROTOCOL ERR-4: the cursor after the turn so far. And an error ends the stream.
                assert_eq!(error.cursor(), stream.cursor().as_ref());
                assert!(matches!(stream.try_next().await, Ok(None)));
                return Err(error);
            }
        };
        lines.push(Line::Event(serde_json::from_str(&event.to_json()).map_err(wrong)?));
        delivered += 1;
        if request.answer {
            if let Some(question) = event.question() {
                let first = |options: &[turnwire::event::Choice]| options.first().map(|it| it.label.clone());
                let answers: Vec<_> = question.questions.iter().map(|it| first(&it.options)).collect();
                stream.answer(question, answers).await?;
            }
            if let Some(permission) = event.permission() {
                stream.allow(permission, PermissionReply::Once).await?;
            }
        }
        if request.cancel_after == Some(delivered) {
            stream.cancel().await?;
        }
        if request.leave_after == Some(delivered) {
            stream.close();
            return Ok(stream.snapshot().clone());
        }
    }
    stream.result().await
}

fn fold(events: &[String]) -> Value {
    let (mut ids, mut fold) = (Ids::default(), TurnAccumulator::new());
    for event in events.iter().filter_map(|event| Event::parse_among(&mut ids, event, None).ok()) {
        fold.push(&event);
    }
    json!(fold.turn())
}

fn parse(chunks: &[Vec<u8>]) -> Value {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    for chunk in chunks {
        let fed = decoder.feed(chunk, |frame| {
            events.push(
                json!({"id": frame.id_str(), "event": frame.event_str().unwrap_or_default(), "data": frame.data_str()}),
            );
        });
        if fed.is_err() {
            break;
        }
    }
    json!({"events": events, "retryMs": decoder.retry().map(|retry| retry.as_millis()), "comments": decoder.comments()})
}

fn normalize(request: &Request, lines: &mut Vec<Line>) -> Result<Value> {
    let (mut capture, mut events) = (Capture::new(Normalizer::new()), Vec::new());
    for file in &request.files {
        capture.feed(&std::fs::read(file).map_err(wrong)?, &mut events)?;
    }
    capture.finish(&mut events);
    for event in &events {
        lines.push(Line::Event(serde_json::from_str(&event.to_json()).map_err(wrong)?));
    }
    Ok(Value::Null)
}

fn failure(error: &Error) -> Failure {
    Failure {
        code: error.code().to_owned(),
        status: error.status(),
        message: error.message().to_owned(),
        class: Some(error.kind().class().to_owned()),
        turn: error.turn().map(|turn| json!(turn)),
        printed: Some(format!("{error} {error:?} {error:#?} {:?} {:?}", error.causes(), error.body())),
    }
}

fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new("invalid_argument", why.to_string())
}
