//! `turnwire chats`: the list of chats.

use crate::Stop;
use crate::args::Chats;
use crate::output::{Output, one_line};
use turnwire::chat::ChatStatus;
use turnwire::{Chat, Client, ListChats};

const PAGE: usize = 100;

pub(crate) async fn run(args: Chats, output: &mut Output) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let mut left = args.limit;
    let mut cursor = None;
    while left > 0 {
        let mut which = ListChats::new().limit(u32::try_from(left.min(PAGE)).unwrap_or(u32::MAX));
        which.status = args.status.as_deref().map(ChatStatus::from);
        which.cursor = cursor;
        let page = client.chat().list(which).await?;
        let mut text = String::new();
        for chat in page.data.iter().take(left) {
            text.push_str(&if args.json { json(chat)? } else { line(chat) });
            text.push('\n');
        }
        output.print(&text).await?;
        left -= page.data.len().min(left);
        cursor = page.next_cursor;
        if cursor.is_none() || page.data.is_empty() {
            break;
        }
    }
    if left == args.limit && args.limit > 0 && !args.json {
        output.say_line("no chats yet; `turnwire chat` begins one").await;
    }
    Ok(())
}

fn line(chat: &Chat) -> String {
    let created = chat.created_at.map(|at| at.to_string().replace('T', " ")).unwrap_or_default();
    let created = created.get(..16).unwrap_or_default();
    let title = one_line(chat.title.as_deref().unwrap_or_default(), 60);
    format!("{:29}  {:6}  {created:16}  {title}", chat.id.as_str(), chat.status).trim_end().to_owned()
}

/// A value as one line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Stop> {
    serde_json::to_string(value).map_err(|error| Stop::failed(format!("this cannot be written as JSON: {error}")))
}
