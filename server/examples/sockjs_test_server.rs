//! The server that the public suites for SockJS and for WebSockets talk to: four services, streaming responses of 4096
//! bytes, and limits high enough for messages of 16 MiB. The suite for WebSockets talks to `/echo/websocket`.
//!
//! `cargo run --package swampdragon-server --example sockjs_test_server -- --port 8081`

use async_trait::async_trait;
use clap::Parser;
use swampdragon_server::{
    Connection, ConnectionHandler, Message, Server, SockJsService,
    protocol::close_code,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
    shutdown_signal,
};

/// Sends every message back.
struct Echo;

#[async_trait]
impl ConnectionHandler for Echo {
    async fn on_open(&mut self, connection: &Connection) {
        connection.set_heartbeat_interval(None);
    }

    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        connection.send_text(message.text());
    }

    async fn on_binary(&mut self, connection: &Connection, bytes: &[u8]) {
        connection.send_binary(bytes);
    }
}

/// Closes every connection.
struct Close;

#[async_trait]
impl ConnectionHandler for Close {
    async fn on_open(&mut self, connection: &Connection) {
        connection.close(close_code::GO_AWAY);
    }
}

#[derive(Parser)]
struct Arguments {
    /// Port to listen on; 0 takes any free one.
    #[arg(long, default_value_t = 8081)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = Arguments::parse().port;
    let settings = Settings {
        prefix: "/echo".to_owned(),
        allowed_origins: vec!["*".to_owned()],
        sockjs_response_limit: 4096,
        sockjs_cookie: false,
        max_message_size: 32 << 20,
        max_outgoing_bytes: 64 << 20,
        max_messages_per_second: 0,
        sockjs_client_url: Some("https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js".to_owned()),
        ..Settings::default()
    };
    let server = Server::builder()
        .settings(settings)
        .session_store(MemorySessionStore::new(&SessionStoreOptions::default()))
        .connection(|| Echo)
        .sockjs(SockJsService::new("/disabled_websocket_echo", || Echo).websocket(false))
        .sockjs(SockJsService::new("/cookie_needed_echo", || Echo).cookie(true))
        .sockjs(SockJsService::new("/close", || Close))
        .bind(&format!("127.0.0.1:{port}"))
        .await?;
    println!("http://{}/", server.local_addr()?);
    server.run_until(shutdown_signal()?).await;
    Ok(())
}
