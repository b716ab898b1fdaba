use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use swampdragon_server::settings::Settings;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    peer::{Peer, Seen},
    server::{get, run, server, settings},
};

#[tokio::test]
async fn connections_are_counted_by_transport_and_by_how_they_closed() {
    let running = run(server()).await;
    let sockjs = Peer::sockjs(running.pages).await;
    let mut raw = Peer::raw(running.pages).await;
    running.number_becomes(r#"swampdragon_connections{transport="websocket"}"#, 1.0).await;
    running.number_becomes(r#"swampdragon_connections{transport="raw-websocket"}"#, 1.0).await;

    drop(sockjs);
    running.number_becomes(r#"swampdragon_connections{transport="websocket"}"#, 0.0).await;
    running.number_becomes(r#"swampdragon_connections_closed_total{code="1006"}"#, 1.0).await;
    // A message that no router takes: the server closes, and it is the server's code that counts.
    raw.send(r#"{"route": "nowhere", "verb": "x"}"#).await;
    assert_eq!(raw.rest().await, [Seen::Close(Some((3000, "Go away!".into())))]);
    running.number_becomes(r#"swampdragon_connections_closed_total{code="3000"}"#, 1.0).await;
    // A peer may close with any number, and makes no label of it.
    let mut odd = Peer::raw(running.pages).await;
    odd.0.close(Some(CloseFrame { code: CloseCode::from(4999), reason: "".into() })).await.unwrap();
    odd.rest().await;
    running.number_becomes(r#"swampdragon_connections_closed_total{code="other"}"#, 1.0).await;
    assert_eq!(running.number(r#"swampdragon_connections_opened_total{transport="raw-websocket"}"#).await, 2.0);
}

#[tokio::test]
async fn heartbeats_are_counted_when_sent_and_when_answered() {
    let settings = Settings { heartbeat_interval: Duration::from_millis(50), ..settings() };
    let running = run(server().settings(settings)).await;
    let mut peer = Peer::raw(running.pages).await;
    let heartbeat: Value = serde_json::from_str(&peer.text().await).unwrap();
    assert_eq!(heartbeat, json!({"heartbeat": "tick"}));
    peer.send(r#"{"heartbeat": "tick", "session": "some-session-key"}"#).await;
    running.number_becomes("swampdragon_heartbeats_answered_total", 1.0).await;
    assert!(running.number("swampdragon_heartbeats_sent_total").await >= 1.0);
}

#[tokio::test]
async fn who_is_refused_is_counted_by_the_reason() {
    let running = run(server().settings(Settings { max_connections: 1, ..settings() })).await;
    get(running.pages, "/data/websocket").await;
    assert_eq!(running.number(r#"swampdragon_connections_refused_total{reason="handshake"}"#).await, 1.0);
    let mut evil = Peer::connect_from(running.pages, "/data/websocket", Some("https://evil.example")).await;
    let refused = evil.rest().await;
    assert_eq!(refused, [Seen::Close(Some((4000, "Invalid origin".into())))]);
    assert_eq!(running.number(r#"swampdragon_connections_refused_total{reason="origin"}"#).await, 1.0);
    running.number_becomes(r#"swampdragon_connections_closed_total{code="4000"}"#, 1.0).await;

    let mut peer = Peer::raw(running.pages).await;
    let (head, _) = get(running.pages, "/data/websocket").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(running.number(r#"swampdragon_connections_refused_total{reason="full"}"#).await, 1.0);
    peer.0.send(Message::Close(None)).await.unwrap();
}

#[tokio::test]
async fn servers_in_one_process_count_apart() {
    let (one, other) = (run(server()).await, run(server()).await);
    let _peer = Peer::sockjs(one.pages).await;
    one.number_becomes(r#"swampdragon_connections{transport="websocket"}"#, 1.0).await;
    assert_eq!(other.number(r#"swampdragon_connections{transport="websocket"}"#).await, 0.0);
    let (head, _) = get(other.admin, "/metrics").await;
    assert!(head.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4"), "{head}");
}
