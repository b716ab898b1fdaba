use serde_json::json;
use swampdragon_server::{
    Server,
    settings::{Invocation, Loaded, Settings},
};

use crate::{
    log::Log,
    peer::Peer,
    server::{get, run, server, settings},
};

#[tokio::test]
async fn lines_about_a_connection_tell_whose_it_is() {
    let log = Log::default();
    let _logging = log.begin();
    let running = run(server()).await;
    let origin = format!("http://{}", running.pages);
    let mut first = Peer::connect_from(running.pages, "/data/websocket", Some(&origin)).await;
    first.send(r#"{"route": "nowhere", "verb": "x"}"#).await;
    first.rest().await;
    let refused = log.line(&["message refused: closed"]).await;
    let span = refused.split_once("connection{").unwrap().1.split_once('}').unwrap().0;
    assert!(span.contains(r#"transport="raw-websocket" peer=127.0.0.1"#), "{refused}");
    assert!(span.contains(&format!("origin=\"{origin}\"")), "{refused}");

    let number = span.split(' ').next().unwrap().to_owned();
    log.line(&["closed code=3000", &number]).await;
    let _second = Peer::sockjs(running.pages).await;
    let opened = log.line(&["opened", r#"transport="websocket""#]).await;
    assert!(!opened.contains(&format!("{number} ")), "a number is not used again: {opened}");
}

/// The secrets of a connection's whole life, and of the settings, in none of the lines that it leaves.
#[tokio::test]
async fn no_session_key_and_no_password_is_logged() {
    const KEY: &str = "k3y5ecretk3y5ecretk3y5ecretk3y5e";
    const PASSWORD: &str = "pa55w0rd-of-redis";
    let log = Log::default();
    let _logging = log.begin();

    let address = format!("redis://app:{PASSWORD}@127.0.0.1:1/");
    let Ok(Invocation::Run(loaded)) =
        Loaded::read(["swampdragon", "--session-store", &address, "--redis-host", "x"], [("SWAMP_DRAGON_X", PASSWORD)])
    else {
        panic!("the settings are fine");
    };
    tracing::info!(settings = ?loaded.settings, warnings = ?loaded.warnings, "as a program might log them");
    let refused = Server::builder().settings(loaded.settings).bind("127.0.0.1:0").await.err().unwrap();
    tracing::error!(error = &refused as &dyn std::error::Error, "as a program might log it");

    let settings = Settings { open_sessions: true, heartbeat_ack: true, ..settings() };
    let running = run(server().settings(settings)).await;
    let heartbeat = json!({"heartbeat": "tick", "session": KEY, "ack": true}).to_string();
    let long = json!({"heartbeat": "tick", "session": KEY.repeat(9)}).to_string();
    let odd = json!({"heartbeat": "tick", "session": format!("{KEY} {KEY}"), "ack": true}).to_string();
    let mut peer = Peer::raw(running.pages).await;
    for message in [&heartbeat, &long, &odd] {
        peer.send(message).await;
    }
    for verb in ["get", "delete", "lifetime"] {
        peer.send(&json!({"route": "session", "verb": verb, "args": {"key": KEY}}).to_string()).await;
    }
    log.line(&["refreshed"]).await;
    // What ends a connection: calls that nobody answers, broken JSON, and frames that are none.
    for message in [
        json!({"route": KEY, "verb": KEY, "args": {"key": KEY}}).to_string(),
        json!({"route": "session", "verb": KEY}).to_string(),
        json!({"route": "session", "verb": "get", "args": {"key": [KEY]}, (KEY): 1}).to_string(),
        json!({"logout": KEY}).to_string(),
        json!({"heartbeat": KEY, "session": [KEY]}).to_string(),
        format!("{{\"session\": {KEY}"),
        format!("[\"{KEY}\", {KEY}]"),
    ] {
        Peer::raw(running.pages).await.send(&message).await;
        let mut sockjs = Peer::sockjs(running.pages).await;
        sockjs.send(&json!([message]).to_string()).await;
        sockjs.send(&message).await;
        Peer::sockjs(running.pages).await.send(&message).await;
    }
    get(running.pages, &format!("/data/000/{KEY}/xhr_send?c={KEY}")).await;
    drop(peer);
    running.number_becomes(r#"swampdragon_connections{transport="raw-websocket"}"#, 0.0).await;
    running.number_becomes(r#"swampdragon_connections{transport="websocket"}"#, 0.0).await;
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();

    let text = log.text();
    assert!(text.lines().count() > 50, "little was logged:\n{text}");
    for secret in [KEY, &KEY[..8], PASSWORD] {
        let told: Vec<_> = text.lines().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{told:#?}");
    }
}
