//! What differs between the generations of SwampDragon.

use serde_json::json;
use swampdragon_server::{
    Server,
    protocol::{HeartbeatValue, close_code},
    session_store::{Lifetime, MemorySessionStore, SessionStoreOptions},
    settings::Settings,
    testing::{TestConnection, TestServer},
};
use tokio::time::{Duration, advance};

use crate::notes::Notes;

async fn server(settings: Settings) -> TestServer {
    let builder = Server::builder()
        .settings(settings)
        .session_store(MemorySessionStore::new(&SessionStoreOptions::default()))
        .router(Notes::default());
    TestServer::new(builder).await.unwrap()
}

fn generation(value: HeartbeatValue) -> Settings {
    Settings { heartbeat_value: value, open_sessions: true, ..Settings::default() }
}

#[tokio::test]
async fn each_generation_aborts_with_its_own_code_unless_told_otherwise() {
    let (tick, one) = (HeartbeatValue::Tick, HeartbeatValue::One);
    for (value, abort_code, expected) in [
        (tick, None, close_code::GO_AWAY),
        (one, None, close_code::CONNECTION_ABORTED),
        (tick, Some(close_code::CONNECTION_ABORTED), close_code::CONNECTION_ABORTED),
        (one, Some(close_code::GO_AWAY), close_code::GO_AWAY),
    ] {
        let server = server(Settings { abort_code, ..generation(value) }).await;
        for message in ["\"hello\"", "null", "[1]", r#"{"route": "nowhere", "verb": "x"}"#, r#"{"heartbeat": "boom"}"#]
        {
            let page = server.connect().await;
            page.send(message).await;
            assert_eq!(page.closed(), Some(expected), "{value} {abort_code:?} {message}");
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_subscription_names_its_action_in_the_later_generation_only() {
    for (value, action) in [(HeartbeatValue::Tick, None), (HeartbeatValue::One, Some(json!("unsubscribe")))] {
        let server = server(generation(value)).await;
        let page = server.connect().await;
        page.call("notes", "unsubscribe", json!({"channel": "mine"})).await;
        assert_eq!(page.received()[0]["channel_data"].get("action"), action.as_ref());
    }
}

async fn new_session(page: &TestConnection) -> String {
    page.call("session", "save_get_key", json!({"value": 1})).await;
    page.received()[0]["data"]["key"].as_str().unwrap().to_owned()
}

/// Whether a session has been refreshed less than a minute ago.
async fn is_fresh(server: &TestServer, key: &str) -> bool {
    let lifetime = server.session_store().lifetime(&key.parse().unwrap()).await.unwrap();
    matches!(lifetime, Lifetime::Expires(left) if left > Duration::from_secs(29 * 60))
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_reply_that_names_no_session_keeps_those_of_its_connection() {
    let server = server(generation(HeartbeatValue::One)).await;
    let (page, other) = (server.connect().await, server.connect().await);
    let (saved, not_saved_here) = (new_session(&page).await, new_session(&other).await);
    let named = new_session(&other).await;
    let read = new_session(&other).await;
    page.send(&json!({"heartbeat": "1", "session": named}).to_string()).await;
    page.call("session", "get", json!({"key": read})).await;
    page.call("session", "get", json!({"key": "nobody"})).await;
    server.refresh_sessions().await;
    assert_eq!(page.connection().kept_sessions().len(), 3);

    advance(Duration::from_secs(10 * 60)).await;
    page.send(r#"{"heartbeat":"1"}"#).await;
    server.refresh_sessions().await;
    for key in [&saved, &named, &read] {
        assert!(is_fresh(&server, key).await);
    }
    assert!(!is_fresh(&server, &not_saved_here).await);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_names_a_session_keeps_that_one_only() {
    let server = server(generation(HeartbeatValue::Tick)).await;
    let page = server.connect().await;
    let (first, second) = (new_session(&page).await, new_session(&page).await);
    advance(Duration::from_secs(10 * 60)).await;
    page.answer_heartbeat(&second).await;
    server.refresh_sessions().await;
    assert!(is_fresh(&server, &second).await && !is_fresh(&server, &first).await);
}

#[tokio::test]
async fn of_many_sessions_a_connection_keeps_the_last() {
    let settings = Settings { max_keys_per_connection: 2, ..generation(HeartbeatValue::One) };
    let server = server(settings).await;
    let page = server.connect().await;
    let keys = [new_session(&page).await, new_session(&page).await, new_session(&page).await];
    page.call("session", "get", json!({"key": keys[1]})).await;
    let kept: Vec<_> = page.connection().kept_sessions().iter().map(|key| key.as_str().to_owned()).collect();
    assert_eq!(kept, [keys[2].as_str(), keys[1].as_str()]);
}

#[tokio::test]
async fn every_kept_session_is_acknowledged_to_pages_that_ask() {
    let server = server(generation(HeartbeatValue::One)).await;
    let page = server.connect().await;
    let mut keys = [new_session(&page).await, new_session(&page).await];
    page.send(r#"{"heartbeat":"1","ack":true}"#).await;
    server.refresh_sessions().await;
    let mut told: Vec<_> =
        page.received().iter().map(|notice| notice["session"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    told.sort();
    assert_eq!(told, keys);
}
