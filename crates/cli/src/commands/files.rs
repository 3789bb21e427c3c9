//! `turnwire files`: what lies in a chat's workspace.

use super::chats::json;
use crate::Stop;
use crate::args::Files;
use crate::output::{Output, clean};
use turnwire::Client;

pub(crate) async fn run(args: Files, output: &mut Output) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let files = client.chat().files();
    if let Some(path) = args.path {
        if args.delete {
            return Ok(files.delete(&args.chat, &path).await?);
        }
        let mut file = files.download(&args.chat, &path).stream().await?;
        while let Some(bytes) = file.chunk().await? {
            output.print_bytes(&bytes).await?;
        }
        return Ok(());
    }
    let list = files.list(&args.chat).await?;
    if list.files.is_empty() && !args.json {
        output.say_line("no files yet").await;
    }
    let mut text = String::new();
    for file in &list.files {
        let line = if args.json { json(file)? } else { format!("{:>10}  {}", file.size_bytes, clean(&file.path)) };
        text.push_str(&line);
        text.push('\n');
    }
    output.print(&text).await
}
