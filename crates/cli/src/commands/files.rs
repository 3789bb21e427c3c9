//! `turnwire files`: what lies in a chat's workspace.

use super::chats::json;
use crate::args::Files;
use crate::conversation::unless_interrupted;
use crate::output::{Output, clean};
use crate::{Interrupts, Stop};
use turnwire::Client;

pub(crate) async fn run(args: Files, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let files = client.chat().files();
    if let Some(path) = args.path {
        return unless_interrupted(interrupts, async {
            let mut file = files.download(&args.chat, &path).stream().await?;
            while let Some(bytes) = file.chunk().await? {
                output.print_bytes(&bytes).await?;
            }
            Ok::<_, Stop>(())
        })
        .await;
    }
    let list = unless_interrupted(interrupts, files.list(&args.chat).into_future()).await?;
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
