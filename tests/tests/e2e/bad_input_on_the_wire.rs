//! What a peer hears that sends nonsense: why, and at its own cost only.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use swampdragon_tests::{peer::Peer, server::Server};

const SOON: Duration = Duration::from_secs(5);

fn server() -> Result<Server> {
    Server::start([
        "--session-store",
        "memory:",
        "--open-sessions",
        "--heartbeat-interval",
        "1m",
        "--session-ttl",
        "3m",
    ])
}

/// Sends `text`, and sees the server close with this code and these words while another peer is not disturbed.
async fn closes(text: &str, code: u16, reason: &str) -> Result<()> {
    let server = server()?;
    let mut bystander = Peer::connect(&server).await?;
    let mut peer = Peer::connect(&server).await?;
    peer.send(text).await?;
    let frame = peer.closed(SOON).await?.context("a close frame says why")?;
    ensure!((u16::from(frame.code), frame.reason.as_str()) == (code, reason), "it closed with {frame:?}");
    bystander.alive().await
}

#[tokio::test]
async fn text_that_is_not_json() -> Result<()> {
    closes("{not json", 3000, "Go away!").await
}

#[tokio::test]
async fn json_that_is_no_message() -> Result<()> {
    closes("[5]", 3000, "Go away!").await
}

#[tokio::test]
async fn a_call_of_a_route_that_is_not_there() -> Result<()> {
    closes(&json!({ "route": "nowhere", "verb": "get", "args": {}, "callbackname": "c" }).to_string(), 3000, "Go away!")
        .await
}

#[tokio::test]
async fn a_message_that_is_too_long() -> Result<()> {
    let long = "x".repeat(200_000);
    closes(&long, 1009, "message of 200000 bytes; max_message_size is 131072 bytes").await
}

#[tokio::test]
async fn a_malformed_session_key_is_refused_with_the_reason_and_nothing_else_happens() -> Result<()> {
    let server = server()?;
    let mut peer = Peer::connect(&server).await?;
    peer.send(json!({ "heartbeat": "tick", "session": "a b", "ack": true }).to_string()).await?;
    let notice = peer.receive().await?;
    ensure!(
        notice
            == json!({
                "session": "a b",
                "state": "refused",
                "reason": "session key has a character at position 1 that is not allowed; A-Z a-z 0-9 _ . ~ - are",
            }),
        "the notice is {notice}"
    );
    peer.alive().await
}

#[tokio::test]
async fn a_session_that_is_not_there_is_reported_as_expired() -> Result<()> {
    let server = server()?;
    let mut peer = Peer::connect(&server).await?;
    peer.send(json!({ "heartbeat": "tick", "session": "unknown", "ack": true }).to_string()).await?;
    let notice = peer.receive().await?;
    ensure!(notice == json!({ "session": "unknown", "state": "expired" }), "the notice is {notice}");
    Ok(())
}

#[tokio::test]
async fn a_call_with_wrong_arguments_is_answered_with_what_is_wrong() -> Result<()> {
    let server = server()?;
    let mut peer = Peer::connect(&server).await?;
    for (args, complaint) in [
        (json!({ "name": 1 }), "args: unknown field `name`, expected `key` at line 1 column 7"),
        (json!({}), "args: missing field `key` at line 1 column 2"),
        (json!({ "key": "" }), "session key is empty"),
    ] {
        peer.send(json!({ "route": "session", "verb": "get", "args": args, "callbackname": "c" }).to_string()).await?;
        let reply: Value = peer.receive().await?;
        ensure!(reply["context"]["state"] == "error", "{args} was answered with {reply}");
        ensure!(reply["data"]["error"] == complaint, "{args} was answered with {reply}");
    }
    peer.alive().await
}
