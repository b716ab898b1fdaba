//! Servers to test, with the services that the public protocol suite asks for.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use swampdragon_server::{
    Connection, ConnectionHandler, Message, Server, ServerBuilder, SockJsService,
    protocol::close_code,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// Sends every message back.
pub struct Echo;

#[async_trait]
impl ConnectionHandler for Echo {
    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        connection.send_text(message.text());
    }
}

/// Closes every connection.
pub struct Close;

#[async_trait]
impl ConnectionHandler for Close {
    async fn on_open(&mut self, connection: &Connection) {
        connection.close(close_code::GO_AWAY);
    }
}

pub struct Running {
    pub address: SocketAddr,
    pub connections: Arc<dyn Fn() -> usize + Send + Sync>,
    pub stop: oneshot::Sender<()>,
    pub ended: JoinHandle<()>,
}

/// Settings under which pages of all origins may connect, and heartbeats do not disturb.
pub fn settings() -> Settings {
    Settings { allowed_origins: vec!["*".into()], heartbeat_enabled: false, ..Settings::default() }
}

pub fn builder(settings: Settings) -> ServerBuilder {
    Server::builder().settings(settings).session_store(MemorySessionStore::new(&SessionStoreOptions::default()))
}

pub async fn run(builder: ServerBuilder) -> Running {
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let connections = Arc::new(server.connection_count());
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    Running { address, connections, stop, ended }
}

/// Runs `/echo` and `/close` until the test ends.
pub async fn echo(settings: Settings) -> SocketAddr {
    let settings = Settings { prefix: "/echo".into(), ..settings };
    let running = run(builder(settings).connection(|| Echo).sockjs(SockJsService::new("/close", || Close))).await;
    // The server runs for as long as nobody sends.
    std::mem::forget(running.stop);
    running.address
}

/// Waits until a condition holds that the server brings about on its own.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
