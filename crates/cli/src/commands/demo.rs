//! `turnwire demo`: one whole turn on a server of its own.

use super::serve::practice_model;
use crate::args::{Demo, Runtime};
use crate::conversation::unless_interrupted;
use crate::output::{Output, one_line};
use crate::{Interrupts, Stop};
use std::path::PathBuf;
use std::time::Instant;
use turnwire::chat::PermissionReply;
use turnwire::event::{Event, EventKind, PartBody, Prompt};
use turnwire::{Client, NewChat};
use turnwire_server::{Config, RuntimeConfig, Server};

pub(crate) async fn run(args: Demo, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let opencode = crate::opencode::find(args.opencode.as_deref());
    if opencode.is_none() && (args.runtime == Some(Runtime::Local) || args.opencode.is_some()) {
        return Err(Stop::failed(crate::opencode::MISSING));
    }
    let runtime = args.runtime.unwrap_or(if opencode.is_some() { Runtime::Local } else { Runtime::Practice });
    let folder = Folder::new()?;
    let mut config = Config::new(&folder.0);
    config.listen = ([127, 0, 0, 1], 0).into();
    let key = crate::key::new_key()?;
    config.api_keys.push(key.as_str().into());
    let mut model = None;
    config.runtime = match runtime {
        Runtime::Practice => RuntimeConfig::Practice,
        Runtime::Local => {
            let (opencode_config, guard) = practice_model().await?;
            model = Some(guard);
            config.agent.provider_env = false;
            RuntimeConfig::Local { opencode, opencode_config: Some(opencode_config), isolate: None }
        }
    };
    let started = Server::start(config).await;
    let server = started.map_err(|error| Stop::Failed(error.to_string(), crate::causes(&error)))?;
    let what = if model.is_some() { "OpenCode with a scripted model" } else { "the practice runtime" };
    let address = server.local_addr();
    output.say_line(&format!("server http://{address}, {what}")).await;
    let client = Client::builder().base_url(format!("http://{address}")).api_key(key).no_proxy().max_retries(0).build();
    let done = match client {
        Ok(client) => unless_interrupted(interrupts, turn(&args, &client, output)).await,
        Err(error) => Err(error.into()),
    };
    server.shutdown().await;
    done
}

async fn turn(args: &Demo, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let began = Instant::now();
    let chat = client.chat().create(NewChat::new().title("Demo")).await?;
    let mut stream = client.chat().respond(&chat.id, args.prompt.as_str()).await?;
    let mut events = 0;
    while let Some(event) = stream.try_next().await? {
        events += 1;
        output.print_line(&if args.json { event.to_json() } else { line(&event) }).await?;
        // Nobody watches who could choose: the first answer of each, and no permission.
        if let Some(question) = event.question() {
            let first = |prompt: &Prompt| prompt.options.first().map(|option| option.label.clone());
            stream.answer(question, question.questions.iter().map(first).collect::<Vec<_>>()).await?;
        } else if let Some(permission) = event.permission() {
            stream.allow(permission, PermissionReply::Reject(None)).await?;
        }
    }
    let turn = stream.result().await?;
    let seconds = crate::screen::seconds(began.elapsed());
    let last = format!("rust    turn.completed  {events} events  {seconds}");
    if args.json {
        output.say_line(&last).await;
    } else {
        output.print_line(&format!("\n{}\n\n{last}", turn.text())).await?;
    }
    Ok(())
}

fn line(event: &Event) -> String {
    let detail = match &event.kind {
        EventKind::TurnStatusChanged(changed) => changed.status.to_string(),
        EventKind::MessageCreated(created) => created.message_id.to_string(),
        EventKind::PartDelta(delta) => format!("{:9} {:?}", delta.part_type, delta.delta),
        EventKind::PartUpdated(updated) => {
            let what = match &updated.part.body {
                PartBody::Tool(tool) => one_line(tool.output.as_deref().unwrap_or(&tool.tool), 60),
                _ => String::new(),
            };
            format!("{:9} {} {what}", updated.part_type, updated.part.state)
        }
        EventKind::MessageCompleted(completed) => completed.finish_reason.to_string(),
        EventKind::SessionUsage(usage) => format!("{} tokens", usage.usage.counts.total_tokens),
        EventKind::TurnCompleted(completed) => completed.status.to_string(),
        _ => String::new(),
    };
    format!("{:4}  {:21} {detail}", event.seq, event.event_type()).trim_end().to_owned()
}

/// A folder that goes when the demo ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Stop> {
        let path = std::env::temp_dir().join(format!("turnwire-{}", crate::key::random_hex::<8>()?));
        let made = std::fs::create_dir(&path);
        made.map_err(|error| Stop::failed(format!("cannot make the folder {}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
