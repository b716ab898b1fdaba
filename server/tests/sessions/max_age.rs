//! Sessions with an end that no heartbeat moves.

use std::time::Duration;

use swampdragon_server::{
    Server, StartError,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
    testing::TestServer,
};
use tokio::time::advance;

use crate::{reply, save, server};

const MINUTE: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings { session_max_age: Some(60 * MINUTE), ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_answers_every_heartbeat_is_told_how_little_is_left_and_at_last_that_nothing_is() {
    let server = server(settings()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    let mut told = Vec::new();
    for _ in 0..6 {
        advance(10 * MINUTE).await;
        let notice = reply(&server, &page, "mine").await;
        told.push(notice["ttl"].as_u64().map_or(0, |ttl| ttl / 60_000));
    }
    assert_eq!(told, [30, 30, 30, 20, 10, 0]);
    assert_eq!(reply(&server, &server.connect().await, "mine").await["state"], "expired");
}

#[tokio::test]
async fn a_store_that_ends_no_sessions_is_refused_where_they_are_to_end() {
    let store = |max_age| MemorySessionStore::new(&SessionStoreOptions { max_age, ..SessionStoreOptions::default() });
    let start = async |store| TestServer::new(Server::builder().settings(settings()).session_store(store)).await.err();
    let Some(refused @ StartError::MaxAge { .. }) = start(store(None)).await else { panic!("it started") };
    assert_eq!(
        refused.to_string(),
        "session_max_age is 3600s, and this session store ends none; leave session_max_age unset, or have the store \
         keep to it (`SessionStore::max_age`)"
    );
    assert!(start(store(Some(30 * MINUTE))).await.is_some());
    assert!(start(store(Some(60 * MINUTE))).await.is_none());
}
