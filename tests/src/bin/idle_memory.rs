//! What an idle connection costs the server: resident memory before and after many SockJS connections are opened.
//!
//! `cargo xtask build && cargo run --release -p swampdragon-tests --bin idle_memory [CONNECTIONS]`

use std::time::Duration;

use anyhow::{Context as _, Result};
use swampdragon_tests::{limits, server::Server};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async_with_config, tungstenite::protocol::WebSocketConfig};

const CONNECTIONS: usize = 5_000;

/// Opened and closed before the first look, so that what a server has once for all does not count.
const WARM_UP: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let connections = match std::env::args().nth(1) {
        Some(count) => count.parse().context("CONNECTIONS is a number")?,
        None => CONNECTIONS,
    };
    limits::raise_open_files(connections)?;
    // All of them come from here.
    let server = Server::start(["--session-store", "memory:", "--max-connections-per-address", "0"])?;
    let url = format!("{}/data/000/abc/websocket", server.url().replacen("http", "ws", 1));
    let address = server.url().trim_start_matches("http://").to_owned();

    drop(open(&address, &url, WARM_UP).await?);
    settle().await;
    let before = server.resident_bytes()?;
    let open = open(&address, &url, connections).await?;
    settle().await;
    let after = server.resident_bytes()?;

    let each = after.saturating_sub(before) / connections as u64;
    println!("{connections} idle connections: {before} bytes before, {after} after, {each} bytes each");
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

/// A moment for the server to finish what the last handshake began.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
