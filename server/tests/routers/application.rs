//! A test drives an application's store, connection handler and router without a socket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use swampdragon_server::{
    Connection, ConnectionHandler, HeartbeatReply, Message, Server,
    protocol::SessionKey,
    session_store::{Lifetime, SessionStore, SessionStoreError},
    settings::Settings,
    testing::TestServer,
};

use crate::notes::Notes;

/// Two methods make a store.
#[derive(Default)]
struct SmallestStore(Mutex<HashMap<SessionKey, Vec<u8>>>);

#[async_trait]
impl SessionStore for SmallestStore {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        self.0.lock().unwrap().insert(key.clone(), value.to_vec());
        Ok(())
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
}

/// Greets, counts heartbeat replies, logs in by session, answers one message of its own.
#[derive(Default)]
struct Greeter {
    replies: usize,
    log: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl ConnectionHandler for Greeter {
    async fn on_open(&mut self, connection: &Connection) {
        connection.send_text("{\"hello\":1}");
    }

    async fn on_heartbeat(&mut self, connection: &Connection, reply: HeartbeatReply) {
        self.replies += 1;
        let Some(Ok(key)) = &reply.session else { return };
        if let Ok(Some(user)) = connection.session_store().get(key).await {
            connection.log_in(String::from_utf8(user).unwrap());
        }
        connection.refresh_session(reply);
    }

    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        if message.text() == "{\"how many\":1}" {
            connection.send_text(&json!({"replies": self.replies}).to_string());
        } else {
            connection.route(message).await;
        }
    }

    async fn on_close(&mut self, connection: &Connection, code: u16) {
        assert!(!connection.is_open());
        self.log.lock().unwrap().push(format!("closed {code} after {} replies", self.replies));
    }
}

#[tokio::test]
async fn an_application_is_tried_from_open_to_close() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let of_handlers = Arc::clone(&log);
    let builder = Server::builder()
        .session_store(SmallestStore::default())
        .connection(move || Greeter { log: Arc::clone(&of_handlers), ..Greeter::default() })
        .router(Notes::default());
    let server = TestServer::new(builder).await.unwrap();
    let key = server.session_store().save_get_key(b"Ann").await.unwrap();

    let page = server.connect().await;
    assert_eq!(page.received(), [json!({"hello": 1})]);
    page.call("notes", "finish", json!({"id": 0})).await;
    assert_eq!(page.received()[0]["context"]["state"], json!("login_required"));
    page.answer_heartbeat(key.as_str()).await;
    assert!(page.connection().is_logged_in());
    page.call("notes", "finish", json!({"id": 0})).await;
    assert_eq!(page.received()[0]["data"], json!({"error": "there is no such note"}));
    page.send("{\"how many\":1}").await;
    assert_eq!(page.received(), [json!({"replies": 1})]);
    page.close().await;
    assert_eq!(*log.lock().unwrap(), ["closed 1000 after 1 replies"]);
    assert_eq!(server.session_store().lifetime(&key).await.unwrap(), Lifetime::NotSupported);
}

#[tokio::test(start_paused = true)]
async fn heartbeat_messages_come_when_they_are_due() {
    let settings = Settings { heartbeat_interval: Duration::from_secs(600), ..Settings::default() };
    let server = TestServer::new(Server::builder().settings(settings)).await.unwrap();
    let page = server.connect().await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(page.received(), [json!({"heartbeat": "tick"})]);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(page.received().len(), 1);
}
