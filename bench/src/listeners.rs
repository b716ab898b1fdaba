use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    Wire,
    dial::{dial, opened},
    wire::Heard,
};

/// Connections that say one thing and then only listen, until this is dropped.
pub struct Listeners {
    heard: Arc<Mutex<Vec<Instant>>>,
    /// Aborted when dropped.
    _listening: JoinSet<()>,
}

impl Listeners {
    /// Opens so many, one after the other, each with these words, if any, as its first message.
    ///
    /// # Errors
    /// When the server does not accept them all.
    pub async fn open(server: SocketAddr, wire: Wire, prefix: &str, count: usize, first: Option<&str>) -> Result<Self> {
        let heard = Arc::new(Mutex::new(Vec::with_capacity(count)));
        let mut listening = JoinSet::new();
        for number in 0..count {
            let mut socket = dial(server, wire, prefix, number).await.context("the server does not accept")?;
            opened(&mut socket, wire).await?;
            if let Some(first) = first {
                socket.send(Message::text(wire.encode(first.to_owned()))).await?;
            }
            let heard = Arc::clone(&heard);
            listening.spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    let at = Instant::now();
                    if let Ok(Heard::Messages(messages)) = message.to_text().map(|text| wire.decode(text)) {
                        heard.lock().unwrap_or_else(PoisonError::into_inner).extend(messages.iter().map(|_| at));
                    }
                }
            });
        }
        Ok(Self { heard, _listening: listening })
    }

    /// How many messages have come since they were last taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When each message came since this was last called, in order.
    pub fn take(&self) -> Vec<Instant> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
