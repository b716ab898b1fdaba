//! A peer that speaks the raw WebSocket endpoint and does only what the test tells it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::CloseFrame},
};

use crate::{deadline::PATIENCE, server::Server};

/// One raw WebSocket connection.
pub struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u32,
}

impl Peer {
    /// Connects to the raw endpoint.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn connect(server: &Server) -> Result<Self> {
        let (socket, _) = connect_async(server.raw_url()).await.context("the raw endpoint refuses")?;
        Ok(Self { socket, calls: 0 })
    }

    /// Sends text as it is.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, text: impl Into<String>) -> Result<()> {
        Ok(self.socket.send(Message::text(text.into())).await?)
    }

    /// The next message as JSON.
    ///
    /// # Errors
    /// When the connection closes instead, or nothing comes.
    pub async fn receive(&mut self) -> Result<Value> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.context("no message came")? {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => bail!("expected a message, but {other:?} came"),
                Some(Err(error)) => return Err(error).context("the connection broke"),
                None => bail!("the connection ended"),
            }
        }
    }

    /// Waits for the next heartbeat message, letting anything else pass.
    ///
    /// # Errors
    /// When none comes.
    pub async fn heartbeat(&mut self) -> Result<Value> {
        loop {
            let message = self.receive().await?;
            if message.get("heartbeat").is_some() {
                return Ok(message);
            }
        }
    }

    /// Answers a heartbeat with a session key, of whatever form.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn answer(&mut self, session: impl Into<Value>) -> Result<()> {
        self.send(json!({ "heartbeat": "tick", "session": session.into() }).to_string()).await
    }

    /// Calls a router and waits for its data; heartbeats meanwhile go unanswered.
    ///
    /// # Errors
    /// When the call fails or no reply comes.
    pub async fn call(&mut self, verb: &str, route: &str, args: Value) -> Result<Value> {
        self.calls += 1;
        let name = format!("call_{}", self.calls);
        self.send(json!({ "route": route, "verb": verb, "args": args, "callbackname": name }).to_string()).await?;
        loop {
            let message = self.receive().await?;
            if message["context"]["client_callback_name"] == name {
                if message["context"]["state"] != "success" {
                    bail!("the call of {verb} failed: {message}");
                }
                return Ok(message["data"].clone());
            }
        }
    }

    /// Whether the connection still answers: a ping comes back.
    ///
    /// # Errors
    /// When it does not.
    pub async fn alive(&mut self) -> Result<()> {
        self.socket.send(Message::Ping("are you there".into())).await?;
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.context("no pong came")? {
                Some(Ok(Message::Pong(_))) => return Ok(()),
                Some(Ok(Message::Close(frame))) => bail!("the server closed the connection: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the connection broke"),
                None => bail!("the connection ended"),
            }
        }
    }

    /// Waits for the server to close; what it says in its close frame.
    ///
    /// # Errors
    /// When it stays open, or breaks without a close frame.
    pub async fn closed(mut self, within: Duration) -> Result<Option<CloseFrame>> {
        tokio::time::timeout(within, async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return Ok(frame),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error).context("the connection broke without a close frame"),
                    None => bail!("the connection ended without a close frame"),
                }
            }
        })
        .await
        .context("the server did not close the connection")?
    }
}
