//! Just enough of HTTP/1.1 to know what is asked for.

use crate::load::{Format, Load};
use std::io::{self, Read as _};
use std::net::TcpStream;

/// A prompt of the benches is a few hundred bytes.
const MOST: usize = 64 * 1024;

/// The next request; `None` at the end of the connection.
pub(crate) fn read(socket: &mut TcpStream) -> io::Result<Option<(Load, Format)>> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while bytes.len() < MOST {
        match socket.read(&mut piece)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&piece[..read]),
        }
        if let Some((head, body)) = whole(&String::from_utf8_lossy(&bytes)) {
            return asked(head, body).map(Some).ok_or_else(|| io::Error::other("the request names no load"));
        }
    }
    Err(io::Error::other("a request is too large"))
}

/// Head and body, once both are there.
fn whole(text: &str) -> Option<(&str, &str)> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let header =
        |name: &str| head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix(name).map(str::to_owned));
    let there = if header("transfer-encoding:").is_some() {
        body.ends_with("0\r\n\r\n")
    } else {
        body.len() >= header("content-length:").and_then(|length| length.trim().parse().ok()).unwrap_or(0)
    };
    there.then_some((head, body))
}

fn asked(head: &str, body: &str) -> Option<(Load, Format)> {
    let (_, rest) = head.split_once("/chat/")?;
    let name = rest.split(['/', ' ', '?']).next()?;
    if name != "completions" {
        return Some((Load::parse(name)?, Format::Turnwire));
    }
    let (_, model) = body.split_once("\"model\"")?;
    Some((Load::parse(model.split('"').nth(1)?)?, Format::OpenAi))
}

#[cfg(test)]
mod tests {
    use super::{Format, Load, asked, whole};

    #[test]
    fn a_request_is_whole_when_its_body_is_and_names_its_load() {
        let text = "POST /agent/v2/chat/16k-10/respond HTTP/1.1\r\nContent-Length: 2\r\n\r\n{";
        assert_eq!(whole(text), None);
        let text = format!("{text}}}");
        let (head, body) = whole(&text).unwrap();
        assert_eq!(asked(head, body), Some((Load::Blocks(10), Format::Turnwire)));

        let text = "POST /chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n12\r\n{\"model\": \"event-3\"}\r\n0\r\n\r\n";
        let (head, body) = whole(text).unwrap();
        assert_eq!(asked(head, body), Some((Load::Events(3), Format::OpenAi)));
    }
}
