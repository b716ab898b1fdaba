//! A session store and a connection of the program's own.
//!
//! The store is selected by name, as an operator would: try `DRAGON_SESSION_STORE=memory:` in the environment.
//!
//! `cargo run --package swampdragon-server --example custom_session_store`

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use swampdragon_server::{
    Connection, ConnectionHandler, HeartbeatReply, Message, Server,
    protocol::SessionKey,
    session_store::{Lifetime, SessionStore, SessionStoreError, SessionStoreOptions},
    settings::Settings,
    shutdown_signal,
};

/// Keeps sessions in a map, each until its time is up.
struct FooSessionStore {
    ttl: Duration,
    values: Mutex<HashMap<SessionKey, (Vec<u8>, Instant)>>,
}

impl FooSessionStore {
    async fn open(options: SessionStoreOptions) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self { ttl: options.ttl, values: Mutex::default() })
    }

    /// The sessions whose time is not up. That expiry is a store's own affair shows here.
    fn alive(&self) -> MutexGuard<'_, HashMap<SessionKey, (Vec<u8>, Instant)>> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.retain(|_, (_, end)| *end > Instant::now());
        values
    }
}

#[async_trait]
impl SessionStore for FooSessionStore {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        self.alive().insert(key.clone(), (value.to_vec(), Instant::now() + self.ttl));
        Ok(())
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        Ok(self.alive().get(key).map(|(value, _)| value.clone()))
    }

    /// Without this one, the store works and its sessions end on time, heartbeats or not.
    async fn refresh_key_timeout(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        Ok(match self.alive().get_mut(key) {
            Some((_, end)) => {
                *end = Instant::now() + self.ttl;
                Lifetime::Expires(self.ttl)
            }
            None => Lifetime::Missing,
        })
    }
}

/// Says what happens, and otherwise does what the server's own `DataConnection` does.
struct FooConnection;

#[async_trait]
impl ConnectionHandler for FooConnection {
    /// The server has scheduled the connection's heartbeats already.
    async fn on_open(&mut self, connection: &Connection) {
        println!("{} opened", connection.id());
    }

    /// The page answered a heartbeat message.
    async fn on_heartbeat(&mut self, connection: &Connection, reply: HeartbeatReply) {
        println!("{} keeps a session: {}", connection.id(), reply.session.is_some());
        connection.refresh_session(reply);
    }

    /// Everything else that the page sends.
    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        println!("{} sent {} bytes", connection.id(), message.text().len());
        connection.route(message).await;
    }

    /// The heartbeats have stopped by themselves.
    async fn on_close(&mut self, connection: &Connection, code: u16) {
        println!("{} closed with {code}", connection.id());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let named = std::env::var("DRAGON_SESSION_STORE");
    let session_store = named.unwrap_or_else(|_| "app.session_store.FooSessionStore".to_owned());
    let server = Server::builder()
        .settings(Settings { session_store, ..Settings::default() })
        .register_session_store("app.session_store.FooSessionStore", FooSessionStore::open)
        .connection(|| FooConnection)
        .bind("127.0.0.1:0")
        .await?;
    println!("http://{}/", server.local_addr()?);
    server.run_until(shutdown_signal()?).await;
    Ok(())
}
