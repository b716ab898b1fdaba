use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    task::{JoinSet, yield_now},
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Bytes, Message, Utf8Bytes},
};

use crate::{
    Wire,
    dial::{dial, opened},
};

/// Answers that a connection sends before it asks whether they have been dealt with.
const BLOCK: u64 = 8;

/// Longer than the slowest server takes for a block of every connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections that answer heartbeats without having been asked, as fast as the server takes it.
///
/// Each in turn sends one answer, for its own session. After every eighth it sends a WebSocket ping and waits for the
/// pong, before which the server has dealt with all that came first: so what was sent has been dealt with at the end,
/// and little of it waits in the sockets on the way.
pub struct Flood(Vec<Source>);

struct Source {
    socket: WebSocketStream<TcpStream>,
    answer: Utf8Bytes,
}

impl Flood {
    /// Opens a connection for each session.
    ///
    /// # Errors
    /// When the server does not accept them all.
    pub async fn open(server: SocketAddr, wire: Wire, prefix: &str, sessions: &[String]) -> Result<Self> {
        let mut sources = Vec::with_capacity(sessions.len());
        for (number, session) in sessions.iter().enumerate() {
            let mut socket = dial(server, wire, prefix, number).await.context("the server does not accept")?;
            opened(&mut socket, wire).await?;
            let answer = wire.encode(format!(r#"{{"heartbeat":"tick","session":"{session}"}}"#));
            sources.push(Source { socket, answer: answer.into() });
        }
        Ok(Self(sources))
    }

    /// Floods for about so long, and tells how many answers were sent and dealt with.
    ///
    /// # Errors
    /// When a connection ends.
    pub async fn run(&mut self, length: Duration) -> Result<u64> {
        let end = Instant::now() + length;
        let mut running = JoinSet::new();
        for mut source in self.0.drain(..) {
            running.spawn(async move {
                let mut answers = 0;
                while Instant::now() < end {
                    answers += source.block().await?;
                }
                anyhow::Ok((source, answers))
            });
        }
        let mut all = 0;
        while let Some(ended) = running.join_next().await {
            let (source, answers) = ended.context("a connection's task failed")??;
            self.0.push(source);
            all += answers;
        }
        Ok(all)
    }
}

impl Source {
    async fn block(&mut self) -> Result<u64> {
        for _ in 0..BLOCK {
            self.socket.send(Message::Text(self.answer.clone())).await.context("the server ended a connection")?;
            yield_now().await;
        }
        self.socket.send(Message::Ping(Bytes::new())).await?;
        let pong = async {
            while let Some(message) = self.socket.next().await {
                if message?.is_pong() {
                    return Ok(BLOCK);
                }
            }
            anyhow::bail!("the server ended a connection")
        };
        timeout(PATIENCE, pong).await.context("the server does not answer a ping")?
    }
}
