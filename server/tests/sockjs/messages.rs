//! Messages and hooks on sessions without a WebSocket are as with one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use swampdragon_server::{
    CallError, Connection, ConnectionHandler, HeartbeatReply, Message, NoArgs, Router, RouterCall, SockJsService,
    Verbs,
    protocol::{HeartbeatValue, MessageForm},
    session_store::{MemorySessionStore, SessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    client::{poll, post, say, session},
    server::{builder, eventually, run, settings},
};

struct Demo;

impl Demo {
    async fn x(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        call.send(&json!({"a": 1}))
    }
}

impl Router for Demo {
    fn route(&self) -> &str {
        "demo"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new().on("x", Self::x)
    }
}

#[tokio::test]
async fn heartbeats_and_calls_work_as_on_a_websocket() {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let key = store.save_get_key(b"{}").await.unwrap();
    let settings = Settings {
        heartbeat_enabled: true,
        heartbeat_ack: true,
        heartbeat_interval: Duration::from_millis(100),
        ..settings()
    };
    let running = run(builder(settings).session_store(store).router(Demo)).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    assert_eq!(poll(server, &session).await, r#"a["{\"heartbeat\": \"tick\", \"ack\": true}"]"#);
    let reply = json!({"heartbeat": "tick", "session": key.as_str(), "ack": true}).to_string();
    say(server, &session, &json!([reply]).to_string()).await;
    let mut frame = poll(server, &session).await;
    while !frame.contains("active") {
        frame = poll(server, &session).await;
    }
    let call = json!({"route": "demo", "verb": "x", "callbackname": "cb_0"}).to_string();
    say(server, &session, &json!([call]).to_string()).await;
    while !frame.contains(r#"\"client_callback_name\":\"cb_0\""#) {
        frame = poll(server, &session).await;
    }
    say(server, &session, "[\"no call\"]").await;
    while frame.starts_with('a') {
        frame = poll(server, &session).await;
    }
    assert_eq!(frame, "c[3000,\"Go away!\"]");
}

/// Is at work on each message until it is let go on.
struct Slow {
    let_go: &'static Semaphore,
    reports: mpsc::UnboundedSender<String>,
}

#[async_trait]
impl ConnectionHandler for Slow {
    async fn on_message(&mut self, _: &Connection, message: Message<'_>) {
        self.let_go.acquire().await.unwrap().forget();
        self.reports.send(message.text().to_owned()).unwrap();
    }

    async fn on_heartbeat(&mut self, _: &Connection, _: HeartbeatReply) {}
}

#[tokio::test]
async fn requests_that_overlap_are_handled_one_after_the_other_in_their_order() {
    let let_go: &'static Semaphore = Box::leak(Box::new(Semaphore::new(0)));
    let (sender, mut reports) = mpsc::unbounded_channel();
    let running = run(builder(settings()).connection(move || Slow { let_go, reports: sender.clone() })).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    let mut requests = Vec::new();
    for number in 0..5 {
        let path = format!("{session}/xhr_send");
        let body = json!([format!("{number}a"), format!("{number}b")]).to_string();
        requests.push(tokio::spawn(async move { post(server, &path, &body).await.status }));
        // Nothing tells when a request has come to the server; this long is long enough.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(requests.iter().all(|request| !request.is_finished()), "no request ends before it is handled");
    assert!(reports.try_recv().is_err());
    let_go.add_permits(100);
    for number in 0..5 {
        for part in ["a", "b"] {
            assert_eq!(reports.recv().await.unwrap(), format!("{number}{part}"));
        }
    }
    for request in requests {
        assert_eq!(request.await.unwrap(), 204);
    }
}

#[tokio::test]
async fn a_sender_that_goes_away_takes_nothing_back() {
    let let_go: &'static Semaphore = Box::leak(Box::new(Semaphore::new(0)));
    let (sender, mut reports) = mpsc::unbounded_channel();
    let running = run(builder(settings()).connection(move || Slow { let_go, reports: sender.clone() })).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    let path = format!("{session}/xhr_send");
    let request = tokio::spawn(async move { post(server, &path, "[\"one\",\"two\"]").await.status });
    tokio::time::sleep(Duration::from_millis(50)).await;
    request.abort();
    let_go.add_permits(100);
    assert_eq!(reports.recv().await.unwrap(), "one");
    assert_eq!(reports.recv().await.unwrap(), "two");
    say(server, &session, "[\"three\"]").await;
    assert_eq!(reports.recv().await.unwrap(), "three");
}

/// Sends what it hears, and a heartbeat at once.
struct Sender;

#[async_trait]
impl ConnectionHandler for Sender {
    async fn on_open(&mut self, connection: &Connection) {
        connection.set_heartbeat_interval(Some(Duration::from_millis(50)));
    }

    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        connection.set_heartbeat_interval(None);
        connection.send_text(message.text());
    }
}

#[tokio::test]
async fn messages_stand_as_objects_where_pages_of_0_4_want_them() {
    let settings = Settings { heartbeat_value: HeartbeatValue::One, ..settings() };
    let service = SockJsService::new("/objects", || Sender).message_form(MessageForm::Object);
    let running = run(builder(settings).connection(|| Sender).sockjs(service)).await;
    let server = running.address;
    for (prefix, heartbeat, message) in [
        ("/data", r#"a["{\"heartbeat\": \"1\"}"]"#, r#"a["{\"a\":\n1}"]"#),
        ("/objects", r#"a[{"heartbeat": "1"}]"#, r#"a[{"a": 1}]"#),
    ] {
        let session = session(prefix);
        assert_eq!(poll(server, &session).await, "o");
        let frame = poll(server, &session).await;
        assert!(frame.starts_with(&heartbeat[..heartbeat.len() - 1]), "{frame}");
        say(server, &session, &json!(["{\"a\":\n1}"]).to_string()).await;
        let mut frame = poll(server, &session).await;
        while frame == heartbeat {
            frame = poll(server, &session).await;
        }
        assert!(frame.ends_with(&message[2..]), "{frame}");
    }
}

#[tokio::test]
async fn a_handle_that_outlives_its_session_sends_nothing_and_keeps_nothing() {
    struct Keeper(mpsc::UnboundedSender<Connection>);
    #[async_trait]
    impl ConnectionHandler for Keeper {
        async fn on_open(&mut self, connection: &Connection) {
            self.0.send(connection.clone()).unwrap();
        }
    }
    let (sender, mut handles) = mpsc::unbounded_channel();
    let settings = Settings { sockjs_disconnect_delay: Duration::from_millis(50), ..settings() };
    let running = run(builder(settings).connection(move || Keeper(sender.clone()))).await;
    assert_eq!(poll(running.address, &session("/data")).await, "o");
    let handle = handles.recv().await.unwrap();
    eventually("the session is still counted", || (running.connections)() == 0).await;
    assert!(!handle.is_open());
    handle.send_text("late");
    handle.set_heartbeat_interval(Some(Duration::from_millis(50)));
    let session = session("/data");
    assert_eq!(poll(running.address, &session).await, "o");
    eventually("the new session is not counted", || (running.connections)() == 1).await;
}
