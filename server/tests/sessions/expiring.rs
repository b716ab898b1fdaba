//! What pages hear when their session ends without them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use swampdragon_server::{
    Server,
    protocol::SessionKey,
    session_store::{Lifetime, MemorySessionStore, SessionStore, SessionStoreError, SessionStoreOptions},
    settings::Settings,
    testing::{TestConnection, TestServer},
};
use tokio::time::{Instant, sleep};

use crate::{key, reply, save, server};

const MINUTE: Duration = Duration::from_secs(60);

/// Sessions live 30 minutes, and pages are told 2 minutes before they end.
fn settings() -> Settings {
    Settings { heartbeat_enabled: false, ..Settings::default() }
}

/// What a page hears within `time`, each with the seconds after which it came.
async fn heard(page: &TestConnection, time: Duration) -> Vec<(u64, Value)> {
    let started = Instant::now();
    let mut heard = Vec::new();
    while started.elapsed() < time {
        sleep(Duration::from_millis(500)).await;
        let after = started.elapsed().as_secs();
        heard.extend(page.received().into_iter().map(|message| (after, message)));
    }
    heard
}

fn expiring(session: &str, ttl: u64) -> Value {
    json!({"session": session, "state": "expiring", "ttl": ttl})
}

fn expired(session: &str) -> Value {
    json!({"session": session, "state": "expired"})
}

#[tokio::test(start_paused = true)]
async fn a_page_that_no_longer_answers_hears_of_the_end_before_and_after() {
    let server = server(settings()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    let heard = heard(&page, 60 * MINUTE).await;
    assert_eq!(heard, [(28 * 60, expiring("mine", 120_000)), (30 * 60, expired("mine"))]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_refreshed_in_time_by_whomever_is_not_about_to_end() {
    let server = server(settings()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    for _ in 0..3 {
        assert_eq!(heard(&page, 20 * MINUTE).await, []);
        server.session_store().refresh_key_timeout(&key("mine")).await.unwrap();
    }
    assert_eq!(heard(&page, 20 * MINUTE).await, []);
    // And by the page itself.
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    assert_eq!(heard(&page, 27 * MINUTE).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_saved_from_its_end_may_be_about_to_end_again() {
    let server = server(settings()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    assert_eq!(heard(&page, 29 * MINUTE).await.len(), 1);
    server.session_store().refresh_key_timeout(&key("mine")).await.unwrap();
    let heard = heard(&page, 60 * MINUTE).await;
    assert_eq!(heard.iter().map(|(_, message)| message["state"].clone()).collect::<Vec<_>>(), ["expiring", "expired"]);
}

#[tokio::test(start_paused = true)]
async fn only_pages_that_asked_are_told_and_each_of_them_is() {
    let server = server(settings()).await;
    save(&server, &["mine"]).await;
    let (first, second, silent) = (server.connect().await, server.connect().await, server.connect().await);
    assert_eq!(reply(&server, &first, "mine").await["state"], "active");
    assert_eq!(reply(&server, &second, "mine").await["state"], "active");
    silent.answer_heartbeat("mine").await;
    server.refresh_sessions().await;
    assert_eq!(heard(&first, 29 * MINUTE).await.len(), 1);
    assert_eq!(second.received(), [expiring("mine", 120_000)]);
    // One hears of the end by asking, and so does the other.
    server.session_store().delete(&key("mine")).await.unwrap();
    assert_eq!(reply(&server, &first, "mine").await, expired("mine"));
    assert_eq!(second.received(), [expired("mine")]);
    assert_eq!(heard(&first, 10 * MINUTE).await, []);
    assert_eq!(silent.received(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_notice_may_be_longer_or_never_come() {
    for (notice, expected) in [(10 * MINUTE, vec![20 * 60, 30 * 60]), (Duration::ZERO, vec![])] {
        let server = server(Settings { session_expiring_notice: Some(notice), ..settings() }).await;
        save(&server, &["mine"]).await;
        let page = server.connect().await;
        assert_eq!(reply(&server, &page, "mine").await["state"], "active");
        let times: Vec<_> = heard(&page, 60 * MINUTE).await.into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, expected);
    }
}

/// A memory store that may be away, and counts how often it is asked for a lifetime.
struct Moody {
    store: MemorySessionStore,
    away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl SessionStore for Moody {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        self.store.save(key, value).await
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        self.store.get(key).await
    }

    async fn refresh_key_timeout(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(SessionStoreError::unavailable("away"));
        }
        self.store.refresh_key_timeout(key).await
    }

    async fn lifetime(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return Err(SessionStoreError::unavailable("away"));
        }
        self.store.lifetime(key).await
    }
}

async fn moody() -> (TestServer, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (away, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let store = Moody { store, away: Arc::clone(&away), asked: Arc::clone(&asked) };
    let server = TestServer::new(Server::builder().settings(settings()).session_store(store)).await.unwrap();
    (server, away, asked)
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_a_page_is_told_what_is_known_and_the_end_when_it_is_certain() {
    let (server, away, asked) = moody().await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    away.store(true, Ordering::Relaxed);
    // It may have been refreshed by another node: nobody says that it has ended.
    assert_eq!(heard(&page, 40 * MINUTE).await, [(28 * 60, expiring("mine", 120_000))]);
    away.store(false, Ordering::Relaxed);
    let after: Vec<_> = heard(&page, MINUTE).await;
    assert_eq!(after.iter().map(|(_, message)| message.clone()).collect::<Vec<_>>(), [expired("mine")]);
    // Afterwards nobody asks any more.
    let before = asked.load(Ordering::Relaxed);
    assert_eq!(heard(&page, 40 * MINUTE).await, []);
    assert_eq!(asked.load(Ordering::Relaxed), before);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_pages_that_have_left_or_logged_out() {
    let (server, _, asked) = moody().await;
    save(&server, &["one", "two", "three"]).await;
    let (left, stays) = (server.connect().await, server.connect().await);
    for session in ["one", "two"] {
        assert_eq!(reply(&server, &left, session).await["state"], "active");
    }
    assert_eq!(reply(&server, &stays, "three").await["state"], "active");
    left.close().await;
    sleep(29 * MINUTE).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(stays.received(), [expiring("three", 120_000)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_logout_no_more_is_said_of_the_session() {
    let server = server(settings()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    page.log_out("mine").await;
    assert_eq!(page.received().len(), 1);
    assert_eq!(heard(&page, 60 * MINUTE).await, []);
}

#[tokio::test(start_paused = true)]
async fn many_sessions_that_end_at_once_are_all_told() {
    let server = server(settings()).await;
    let mut pages = Vec::new();
    for number in 0..200 {
        let name = format!("s{number}");
        save(&server, &[&name]).await;
        let page = server.connect().await;
        page.send(&json!({"heartbeat": "tick", "session": name, "ack": true}).to_string()).await;
        pages.push((page, name));
    }
    server.refresh_sessions().await;
    sleep(31 * MINUTE).await;
    for (page, name) in pages {
        let states: Vec<_> = page.received().iter().map(|message| message["state"].clone()).collect();
        assert_eq!(states, ["active", "expiring", "expired"], "{name}");
    }
}
