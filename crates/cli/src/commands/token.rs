//! `turnwire token`: lets others read a chat's events for a few minutes.

use super::chats::json;
use crate::Stop;
use crate::args::Token;
use crate::output::Output;
use turnwire::Client;

pub(crate) async fn run(args: Token, output: &mut Output) -> Result<(), Stop> {
    let client = Client::from_env()?;
    let token = client.chat().create_stream_token(&args.chat).await?;
    if args.json {
        return output.print_line(&json(&token)?).await;
    }
    let expires = token.expires_at.map(|at| at.to_string()).unwrap_or_default();
    output.print(&format!("token    {}\nexpires  {expires}\nurl      {}\n", token.token, token.stream_url)).await
}
