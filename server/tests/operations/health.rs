use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use async_trait::async_trait;
use swampdragon_server::{
    Server,
    protocol::SessionKey,
    session_store::{BoxedError, SessionStore, SessionStoreError},
    settings::Settings,
};
use tokio::{net::TcpListener, sync::Notify, time::sleep};

use crate::{
    peer::{Peer, Seen},
    server::{get, run, server, settings, settings_for_backends},
};

/// A store that may be away. Real stores cannot be away on demand.
struct Away(Arc<AtomicBool>);

#[async_trait]
impl SessionStore for Away {
    async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
        Ok(())
    }

    async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), SessionStoreError> {
        if self.0.load(Ordering::Relaxed) { Err(SessionStoreError::unavailable("no route to host")) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_server_whose_store_is_away_lives_and_is_not_ready() {
    let away = Arc::new(AtomicBool::new(true));
    let running = run(Server::builder().settings(settings()).session_store(Away(Arc::clone(&away)))).await;
    let (head, body) = get(running.admin, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "not ready: the session store cannot be reached: no route to host\n");
    let (head, body) = get(running.admin, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body == "ok\n", "{head}");

    away.store(false, Ordering::Relaxed);
    while get(running.admin, "/readyz").await.1 != "ready\n" {
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn while_the_store_is_being_opened_the_server_lives_and_is_not_ready() {
    // A port that is known before the server is there; another program could take it only in this moment.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings = Settings {
        admin_listen: Some(free.to_string()),
        session_store: "app.SlowStore".to_owned(),
        ..settings_for_backends()
    };
    let (opening, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&opening), Arc::clone(&go_on));
    let builder = Server::builder().settings(settings).register_session_store("app.SlowStore", move |_| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.notified().await;
            Ok::<_, BoxedError>(Away(Arc::default()))
        }
    });
    let starting = tokio::spawn(builder.bind("127.0.0.1:0"));
    opening.notified().await;
    assert!(get(free, "/healthz").await.0.starts_with("HTTP/1.1 200 "));
    let (head, body) = get(free, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503 ") && body == "not ready: starting\n", "{head} {body}");
    let (head, body) = get(free, "/sessions").await;
    assert!(head.starts_with("HTTP/1.1 503 ") && body == r#"{"error":"the server is starting"}"#, "{head} {body}");
    go_on.notify_one();
    let _server = starting.await.unwrap().unwrap();
    assert_eq!(get(free, "/readyz").await.1, "ready\n");
}

#[tokio::test]
async fn a_server_that_shuts_down_is_not_ready() {
    let running = run(server()).await;
    let mut peer = Peer::sockjs(running.pages).await;
    assert_eq!(get(running.admin, "/readyz").await.1, "ready\n");
    running.stop.send(()).unwrap();
    // The peer has been told and does not close, so the server waits for it.
    assert!(matches!(peer.next().await, Seen::Text(close) if close.starts_with("c[3000,")));
    let (head, body) = get(running.admin, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "not ready: shutting down\n");
    drop(peer);
    running.ended.await.unwrap();
}

#[tokio::test]
async fn what_is_for_operators_is_not_for_pages() {
    let running = run(server()).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert!(get(running.pages, path).await.0.starts_with("HTTP/1.1 404 "), "{path}");
    }
    for path in ["/data/info", "/settings.js", "/"] {
        assert!(get(running.admin, path).await.0.starts_with("HTTP/1.1 404 "), "{path}");
    }
}

#[tokio::test]
async fn a_taken_admin_address_is_told_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = Settings { admin_listen: Some(address.clone()), ..Settings::default() };
    let refused = server().settings(settings).bind("127.0.0.1:0").await.err().expect("it starts");
    assert!(refused.to_string().starts_with(&format!("cannot listen on {address} (admin_listen): ")), "{refused}");
}
