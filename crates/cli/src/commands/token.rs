//! `turnwire token`: lets others read a chat's events for a few minutes.

use super::chats::json;
use crate::args::Token;
use crate::conversation::unless_interrupted;
use crate::output::Output;
use crate::{Interrupts, Stop};
use turnwire::Client;

pub(crate) async fn run(args: Token, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let token = unless_interrupted(interrupts, client.chat().create_stream_token(&args.chat).into_future()).await?;
    if args.json {
        return output.print_line(&json(&token)?).await;
    }
    let expires = token.expires_at.map(|at| at.to_string()).unwrap_or_default();
    output.print(&format!("token    {}\nexpires  {expires}\nurl      {}\n", token.token, token.stream_url)).await
}
