//! What pages may do with sessions, and what they are told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod counted;
mod limits;
mod logout;
mod over_redis;
#[path = "../connections/peer.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod peer;
#[path = "../support/redis_server.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod redis_server;

use serde_json::{Value, json};
use swampdragon_server::{
    Server,
    protocol::SessionKey,
    session_store::Lifetime,
    settings::Settings,
    testing::{TestConnection, TestServer},
};

pub(crate) async fn server(settings: Settings) -> TestServer {
    TestServer::new(Server::builder().settings(settings)).await.unwrap()
}

pub(crate) fn key(text: &str) -> SessionKey {
    SessionKey::parse(text).unwrap()
}

pub(crate) async fn save(server: &TestServer, keys: &[&str]) {
    for name in keys {
        server.session_store().save(&key(name), b"value").await.unwrap();
    }
}

/// Answers a heartbeat message, asks for an answer, and gives it.
pub(crate) async fn reply(server: &TestServer, page: &TestConnection, session: &str) -> Value {
    page.send(&json!({"heartbeat": "tick", "session": session, "ack": true}).to_string()).await;
    server.refresh_sessions().await;
    let received = page.received();
    let notices: Vec<_> = received.iter().filter(|message| message["session"] == session).collect();
    assert_eq!(notices.len(), 1, "{received:?}");
    notices[0].clone()
}

pub(crate) async fn lives(server: &TestServer, session: &str) -> bool {
    server.session_store().lifetime(&key(session)).await.unwrap() != Lifetime::Missing
}
