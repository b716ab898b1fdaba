use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

use crate::{Wire, wire::Heard};

/// Connections from one address to one server: far below the ports that a system gives out, some 28,000 on Linux.
const PER_ADDRESS: usize = 10_000;

/// Opens the WebSocket of a page, the pages being numbered from 0.
pub(crate) async fn dial(
    server: SocketAddr,
    wire: Wire,
    prefix: &str,
    number: usize,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let socket = TcpSocket::new_v4()?;
    if let Some(source) = source(server, number) {
        socket.bind((source, 0).into())?;
    }
    let stream = socket.connect(server).await?;
    // By default each socket has 128 KiB to read into.
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    client_async_with_config(wire.url(server, prefix), stream, Some(config)).await.map(|(socket, _)| socket)
}

/// Waits until messages can be sent.
pub(crate) async fn opened(socket: &mut WebSocketStream<TcpStream>, wire: Wire) -> Result<()> {
    if wire.opens_by_itself() {
        return Ok(());
    }
    while let Some(message) = socket.next().await {
        match wire.decode(message?.to_text()?) {
            Heard::Opened => return Ok(()),
            Heard::Asked(answer) => socket.send(Message::text(answer)).await?,
            _ => {}
        }
    }
    bail!("the server ended a connection before it was open")
}

/// From which of the loopback's addresses a page comes; the system chooses where the server is elsewhere.
fn source(server: SocketAddr, number: usize) -> Option<Ipv4Addr> {
    let IpAddr::V4(address) = server.ip() else { return None };
    let turn = u8::try_from(number / PER_ADDRESS).ok()?;
    (address.is_loopback() && turn > 0).then(|| Ipv4Addr::new(127, 0, 0, 1 + turn.min(u8::MAX - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pages_come_from_several_addresses_of_the_loopback() {
        let here = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(source(here, 9_999), None);
        assert_eq!(source(here, 10_000), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(source(here, 25_000), Some(Ipv4Addr::new(127, 0, 0, 3)));
        assert_eq!(source(SocketAddr::from(([10, 0, 0, 1], 80)), 25_000), None);
    }
}
