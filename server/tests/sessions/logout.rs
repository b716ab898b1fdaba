//! Ending sessions.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use swampdragon_server::{
    CallError, NoArgs, Router, RouterCall, Server, Verbs,
    protocol::{ChannelName, SessionKey, close_code},
    session_store::{Lifetime, SessionStore, SessionStoreError},
    settings::Settings,
    testing::TestServer,
};
use tokio::time::advance;

use crate::{key, lives, reply, save, server};

fn expired(session: &str) -> Value {
    json!({"session": session, "state": "expired", "reason": "logged out"})
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_the_session_and_closes_its_other_connections() {
    let server = server(Settings::default()).await;
    save(&server, &["mine", "theirs"]).await;
    let (page, first, second, kept, stranger) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    page.answer_heartbeat("mine").await;
    first.answer_heartbeat("mine").await;
    second.answer_heartbeat("theirs").await;
    second.answer_heartbeat("mine").await;
    kept.connection().keep_session(key("mine"));
    stranger.answer_heartbeat("theirs").await;
    page.log_out("mine").await;
    assert_eq!(page.received(), [expired("mine")]);
    assert_eq!(page.closed(), None);
    for other in [&first, &second, &kept] {
        assert_eq!(other.closed(), Some(close_code::LOGGED_OUT));
    }
    assert_eq!(stranger.closed(), None);
    // Replies that were waiting revive nothing.
    server.refresh_sessions().await;
    assert!(!lives(&server, "mine").await);
    assert!(lives(&server, "theirs").await);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_that_a_session_lives_after_its_logout() {
    let server = server(Settings::default()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    page.send(r#"{"heartbeat":"tick","session":"mine","ack":true}"#).await;
    page.log_out("mine").await;
    server.refresh_sessions().await;
    assert_eq!(page.received(), [expired("mine")]);
}

#[tokio::test(start_paused = true)]
async fn a_page_may_log_out_without_ever_having_answered_a_heartbeat_and_is_told_nothing_more_of_a_session_that_is_none()
 {
    let server = server(Settings { min_refresh_interval: Duration::ZERO, ..Settings::default() }).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    page.log_out("mine").await;
    page.log_out("nothing").await;
    assert_eq!(page.received(), [expired("mine"), expired("nothing")]);
    assert!(!lives(&server, "mine").await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_logged_out_may_log_in_again_and_stays_when_another_page_logs_out() {
    let server = server(Settings::default()).await;
    save(&server, &["mine"]).await;
    let (page, other) = (server.connect().await, server.connect().await);
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    page.connection().log_in("Ada".to_owned());
    page.log_out("mine").await;
    assert!(!page.connection().is_logged_in());
    other.log_out("mine").await;
    assert_eq!(page.closed(), None);
    assert_eq!(page.received().len(), 1);
    save(&server, &["next"]).await;
    assert_eq!(reply(&server, &page, "next").await["state"], "active");
}

#[tokio::test(start_paused = true)]
async fn logouts_are_limited_as_refreshes_are() {
    let server = server(Settings { max_keys_per_connection: 1, ..Settings::default() }).await;
    save(&server, &["mine", "theirs"]).await;
    let page = server.connect().await;
    assert_eq!(reply(&server, &page, "mine").await["state"], "active");
    page.log_out("theirs").await;
    let reason = "too many sessions on one connection: max_keys_per_connection is 1";
    assert_eq!(page.received(), [json!({"session": "theirs", "state": "refused", "reason": reason})]);
    assert!(lives(&server, "theirs").await);
    // A session that was refreshed a moment ago may be ended.
    page.log_out("mine").await;
    page.log_out("theirs").await;
    let too_soon = json!({"session": "theirs", "state": "refused", "reason": "a logout came a moment ago"});
    assert_eq!(page.received(), [expired("mine"), too_soon]);
    assert!(lives(&server, "theirs").await);
    advance(Duration::from_secs(1)).await;
    page.log_out("theirs").await;
    assert_eq!(page.received(), [expired("theirs")]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_is_refused() {
    let server = server(Settings::default()).await;
    let page = server.connect().await;
    page.log_out("a b").await;
    let received = page.received();
    assert_eq!(received[0]["state"], "refused");
    assert_eq!(page.closed(), None);
}

/// A store that deletes nothing, for one reason or another.
struct Stubborn(fn() -> SessionStoreError);

#[async_trait]
impl SessionStore for Stubborn {
    async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
        Ok(())
    }

    async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        Ok(None)
    }

    async fn refresh_key_timeout(&self, _: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        Ok(Lifetime::Persistent)
    }

    async fn delete(&self, _: &SessionKey) -> Result<bool, SessionStoreError> {
        Err((self.0)())
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_that_the_store_cannot_do_is_never_claimed() {
    let away = || SessionStoreError::unavailable("no route to 10.0.0.1");
    let cannot = || SessionStoreError::not_supported("delete");
    for (error, reason) in [
        (away as fn() -> SessionStoreError, "the session store cannot be reached"),
        (cannot, "the session store does not support `delete`"),
    ] {
        let server = TestServer::new(Server::builder().session_store(Stubborn(error))).await.unwrap();
        let (page, other) = (server.connect().await, server.connect().await);
        other.answer_heartbeat("mine").await;
        page.connection().log_in("Ada".to_owned());
        page.log_out("mine").await;
        assert_eq!(page.received(), [json!({"session": "mine", "state": "refused", "reason": reason})]);
        assert!(page.connection().is_logged_in());
        assert_eq!(other.closed(), None);
        assert!(server.sessions().log_out(&key("mine")).await.is_err());
        assert_eq!(other.closed(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_ends_a_session_on_all_of_its_connections() {
    let server = server(Settings::default()).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    page.answer_heartbeat("mine").await;
    assert!(server.sessions().log_out(&key("mine")).await.unwrap());
    assert_eq!(page.closed(), Some(close_code::LOGGED_OUT));
    assert!(!server.sessions().log_out(&key("mine")).await.unwrap());
}

/// Lets pages subscribe and publish to whatever they name.
struct Open;

impl Open {
    async fn publish(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        let channel = ChannelName::parse("swampdragon:session:nodes").unwrap();
        let published = call.publish(&channel, "created", &1).await;
        call.send(&published.is_ok())
    }
}

impl Router for Open {
    fn route(&self) -> &str {
        "open"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new().on("publish", Self::publish).channels(|_: Arc<Self>, _: RouterCall, _: NoArgs| async {
            Ok(vec![ChannelName::parse("swampdragon:session:nodes").unwrap()])
        })
    }
}

#[tokio::test]
async fn pages_neither_hear_nor_say_what_nodes_say_to_each_other() {
    let server = TestServer::new(Server::builder().router(Open)).await.unwrap();
    let page = server.connect().await;
    page.call("open", "subscribe", json!({"channel": "mine"})).await;
    page.call("open", "publish", json!({})).await;
    let received = page.received();
    assert_eq!(received[0]["context"]["state"], "error", "{received:?}");
    assert_eq!(received[1]["data"], false, "{received:?}");
    assert_eq!(page.connection().subscription_count(), 0);
}
