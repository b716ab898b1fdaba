//! How often and for how many sessions a page may ask.

use std::time::Duration;

use serde_json::json;
use swampdragon_server::{protocol::HeartbeatValue, settings::Settings};
use tokio::time::advance;

use crate::{key, reply, save, server};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_asked_for_is_refused_if_it_comes_too_soon() {
    let server = server(Settings { min_refresh_interval: 10 * SECOND, ..Settings::default() }).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    advance(9 * SECOND).await;
    let refused = json!({"session": "mine", "state": "refused", "reason": "it was refreshed less than 10s ago"});
    assert_eq!(reply(&server, &page, "mine").await, refused);
    // It was not refreshed, either.
    let left = server.session_store().lifetime(&key("mine")).await.unwrap();
    let ttl = Settings::default().session_ttl;
    assert_eq!(left, swampdragon_server::session_store::Lifetime::Expires(ttl - 9 * SECOND));
    advance(SECOND).await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    // Another page may keep the same session.
    assert_eq!(reply(&server, &server.connect().await, "mine").await["state"], "active");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_only_to_pages_that_ask() {
    let server = server(Settings::default()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    page.answer_heartbeat("mine").await;
    page.answer_heartbeat("mine").await;
    server.refresh_sessions().await;
    assert!(page.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_heartbeat_message_is_never_too_soon() {
    let settings =
        Settings { min_refresh_interval: 60 * SECOND, heartbeat_interval: 5 * SECOND, ..Settings::default() };
    let server = server(settings).await;
    save(&server, &["one", "two"]).await;
    let page = server.connect().await;
    for _ in 0..3 {
        while page.received().is_empty() {
            tokio::time::sleep(SECOND / 10).await;
        }
        // A page with two sessions answers for both, in any order.
        assert_eq!(reply(&server, &page, "two").await["state"], "active");
        assert_eq!(reply(&server, &page, "two").await["state"], "refused");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_least_interval_every_reply_is_acted_on() {
    let server = server(Settings { min_refresh_interval: Duration::ZERO, ..Settings::default() }).await;
    save(&server, &["one", "two"]).await;
    let page = server.connect().await;
    for session in ["one", "one", "two", "two"] {
        assert_eq!(reply(&server, &page, session).await["state"], "active");
    }
}

#[tokio::test(start_paused = true)]
async fn each_session_of_a_page_has_its_own_interval() {
    let server = server(Settings::default()).await;
    save(&server, &["one", "two", "three"]).await;
    let page = server.connect().await;
    for session in ["one", "two", "three"] {
        assert_eq!(reply(&server, &page, session).await["state"], "active");
        assert_eq!(reply(&server, &page, session).await["state"], "refused");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_few_sessions_and_new_ones_in_place_of_those_it_has_left() {
    let settings = Settings { max_keys_per_connection: 2, ..Settings::default() };
    let ttl = settings.session_ttl;
    let server = server(settings).await;
    let page = server.connect().await;
    save(&server, &["one", "two", "three"]).await;
    for session in ["one", "two"] {
        assert_eq!(reply(&server, &page, session).await["state"], "active");
    }
    let refused = json!({
        "session": "three",
        "state": "refused",
        "reason": "too many sessions on one connection: max_keys_per_connection is 2"
    });
    assert_eq!(reply(&server, &page, "three").await, refused);
    // The page stays with its first session, and leaves the second.
    advance(ttl / 2 + 61 * SECOND).await;
    assert_eq!(reply(&server, &page, "one").await["state"], "active");
    advance(ttl / 2 + 61 * SECOND).await;
    save(&server, &["three", "four"]).await;
    assert_eq!(reply(&server, &page, "three").await["state"], "active");
    assert_eq!(reply(&server, &page, "four").await["state"], "refused");
    // It leaves the first as well.
    advance(ttl / 2 + 61 * SECOND).await;
    assert_eq!(reply(&server, &page, "three").await["state"], "active");
    save(&server, &["four"]).await;
    assert_eq!(reply(&server, &page, "four").await["state"], "active");
}

#[tokio::test(start_paused = true)]
async fn kept_sessions_are_refreshed_whatever_the_page_has_named() {
    let settings = Settings { max_keys_per_connection: 2, heartbeat_value: HeartbeatValue::One, ..Settings::default() };
    let server = server(settings).await;
    let page = server.connect().await;
    save(&server, &["one", "two", "kept"]).await;
    for session in ["one", "two"] {
        assert_eq!(reply(&server, &page, session).await["state"], "active");
    }
    page.connection().keep_session(key("kept"));
    advance(2 * SECOND).await;
    page.send(r#"{"heartbeat":"1","ack":true}"#).await;
    server.refresh_sessions().await;
    let told: Vec<_> = page.received();
    assert!(told.iter().any(|notice| notice["session"] == "kept" && notice["state"] == "active"), "{told:?}");
    // Those, too, not too often.
    page.send(r#"{"heartbeat":"1","ack":true}"#).await;
    assert!(page.received().iter().all(|notice| notice["state"] == "refused"));
}
