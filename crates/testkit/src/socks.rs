//! The service as a SOCKS5 proxy before itself: what is asked for by any name is answered here.

use crate::shared::Shared;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VERSION: u8 = 5;

/// Takes a connection that begins as SOCKS5 does; one of HTTP is left as it is. `false`: it is done for.
pub(crate) async fn greet(socket: &mut TcpStream, shared: &Shared) -> io::Result<bool> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 || first[0] != VERSION {
        return Ok(true);
    }
    let mut head = [0; 2];
    socket.read_exact(&mut head).await?;
    let mut methods = vec![0; usize::from(head[1])];
    socket.read_exact(&mut methods).await?;
    socket.write_all(&[VERSION, 0]).await?;
    let mut request = [0; 5];
    socket.read_exact(&mut request).await?;
    // A name says how long it is; an address is 4 bytes, of which one was read, or 16.
    let rest = match request[3] {
        1 => 3,
        3 => usize::from(request[4]),
        _ => 15,
    };
    let mut destination = vec![0; rest + 2];
    socket.read_exact(&mut destination).await?;
    shared.state().counts.proxied += 1;
    let refused = shared.refuses_connections().is_some();
    socket.write_all(&[VERSION, u8::from(refused) * 2, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(!refused)
}
