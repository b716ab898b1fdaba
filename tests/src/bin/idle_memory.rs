//! What an idle connection costs the server: resident memory before and after many SockJS connections are opened.
//!
//! `cargo xtask build && cargo run --release -p swampdragon-tests --bin idle_memory [CONNECTIONS] [--answered]`
//!
//! With `--answered` each has answered a heartbeat before it is idle, with a session of its own, which a Redis has.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::SinkExt as _;
use swampdragon_tests::{limits, redis::Redis, server::Server};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

const CONNECTIONS: usize = 5_000;

/// Opened and closed before the first look, so that what a server has once for all does not count.
const WARM_UP: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let (mut connections, mut answered) = (CONNECTIONS, false);
    for argument in std::env::args().skip(1) {
        match &*argument {
            "--answered" => answered = true,
            count => connections = count.parse().context("CONNECTIONS is a number")?,
        }
    }
    limits::raise_open_files(connections)?;
    let sessions: Vec<_> = (0..connections.max(WARM_UP)).map(|number| format!("session-{number:024}")).collect();
    let redis = if answered { Some(Redis::start().await?) } else { None };
    if let Some(redis) = &redis {
        redis.store_sessions(&sessions, Duration::from_secs(1800)).await?;
    }
    let store = redis.as_ref().map_or_else(|| "memory:".to_owned(), Redis::url);
    // All of them come from here.
    let server = Server::start(["--session-store", &store, "--max-connections-per-address", "0"])?;
    let url = format!("{}/data/000/abc/websocket", server.url().replacen("http", "ws", 1));
    let address = server.url().trim_start_matches("http://").to_owned();

    let mut warm_up = open(&address, &url, WARM_UP).await?;
    if answered {
        answer(&mut warm_up, &sessions).await?;
    }
    drop(warm_up);
    settle(answered).await;
    let before = server.resident_bytes()?;
    let mut open = open(&address, &url, connections).await?;
    if answered {
        answer(&mut open, &sessions).await?;
    }
    settle(answered).await;
    let after = server.resident_bytes()?;

    let each = after.saturating_sub(before) / connections as u64;
    let state = if answered { "idle connections that have answered" } else { "idle connections" };
    println!("{connections} {state}: {before} bytes before, {after} after, {each} bytes each");
    drop(open);
    Ok(())
}

async fn open(address: &str, url: &str, count: usize) -> Result<Vec<WebSocketStream<TcpStream>>> {
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = TcpStream::connect(address).await.context("the server does not accept")?;
        let (socket, _) = client_async_with_config(url, socket, Some(config)).await.context("no handshake")?;
        open.push(socket);
    }
    Ok(open)
}

/// Answers a heartbeat on each connection.
async fn answer(open: &mut [WebSocketStream<TcpStream>], sessions: &[String]) -> Result<()> {
    for (socket, session) in open.iter_mut().zip(sessions) {
        let reply = serde_json::json!({ "heartbeat": "tick", "session": session });
        socket.send(Message::text(serde_json::json!([reply.to_string()]).to_string())).await?;
    }
    Ok(())
}

/// A moment for the server to finish what the last handshake began, and after messages for its allocator to give back
/// what they took.
async fn settle(answered: bool) {
    tokio::time::sleep(Duration::from_secs(if answered { 12 } else { 1 })).await;
}
