//! tokio-tungstenite as its documentation shows it: a task for each connection, default settings.
//!
//! `bench-tungstenite REDIS_PORT INTERVAL_MS`

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, interval_at},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || -> Result<u64> { Ok(arguments.next().context("REDIS_PORT INTERVAL_MS")?.parse()?) };
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", number()?))?;
    let interval = Duration::from_millis(number()?);
    let redis = client.get_multiplexed_async_connection().await.context("Redis does not answer")?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        // A connection that ends badly ends.
        tokio::spawn(serve(stream, redis.clone(), interval));
    }
}

async fn serve(stream: TcpStream, mut redis: MultiplexedConnection, interval: Duration) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    let mut heartbeats = interval_at(Instant::now() + interval, interval);
    loop {
        tokio::select! {
            _ = heartbeats.tick() => socket.send(Message::text(r#"{"heartbeat":"tick"}"#)).await?,
            message = socket.next() => {
                let Some(message) = message else { return Ok(()) };
                if let Message::Text(text) = message? {
                    let answer: serde_json::Value = serde_json::from_str(&text)?;
                    if let Some(session) = answer["session"].as_str() {
                        redis.expire::<_, ()>(format!("swampdragon:session:{session}"), 1800).await?;
                    }
                }
            }
        }
    }
}
