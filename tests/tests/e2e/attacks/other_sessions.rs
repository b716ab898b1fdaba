//! Somebody reaches for sessions, or other keys of Redis, that are not theirs.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Target, attack};

/// Answers a heartbeat with this as the key, and what is told of it.
async fn told(target: &Target, key: Value) -> Result<Value> {
    target.websocket("/data/websocket", &[]).await?.answer(key).await
}

#[tokio::test]
async fn keys_that_are_no_session_keys() -> Result<()> {
    attack(&[], async |target| {
        for key in [
            "",
            "other:session:k1",
            "../config",
            "*",
            "k1 k2",
            "k1\r\nDEL config\r\n",
            "k1\0",
            "ключ",
            &"k".repeat(129),
            "{config}",
        ] {
            let notice = told(&target, json!(key)).await?;
            ensure!(notice["state"] == "refused", "{key:?} was answered {notice}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn keys_of_other_types() -> Result<()> {
    attack(&[], async |target| {
        for key in [json!(1), json!(true), json!(["config"]), json!({ "key": "config" })] {
            let mut socket = target.websocket("/data/websocket", &[]).await?;
            socket.send_text(json!({ "heartbeat": "tick", "session": key }).to_string()).await?;
            let code = socket.close_code().await?;
            ensure!(code == 3000, "{key} was answered with the code {code}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn keys_of_another_program() -> Result<()> {
    attack(&[], async |target| {
        // Behind the prefix there is no such session.
        let notice = told(&target, json!("config")).await?;
        ensure!(notice == json!({ "session": "config", "state": "expired" }), "the notice is {notice}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_session_that_never_expires() -> Result<()> {
    attack(&[], async |target| {
        let notice = told(&target, json!("persistent")).await?;
        ensure!(notice == json!({ "session": "persistent", "state": "persistent" }), "the notice is {notice}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_session_that_lives_longer_than_the_servers() -> Result<()> {
    attack(&[], async |target| {
        let notice = told(&target, json!("long")).await?;
        ensure!(notice["state"] == "active", "the notice is {notice}");
        ensure!(notice["ttl"].as_u64().is_some_and(|ttl| ttl > 500_000), "the notice is {notice}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_session_that_is_not_there() -> Result<()> {
    attack(&[], async |target| {
        let notice = told(&target, json!("unknown")).await?;
        ensure!(notice == json!({ "session": "unknown", "state": "expired" }), "the notice is {notice}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn reading_and_writing_sessions_by_calls() -> Result<()> {
    attack(&[], async |target| {
        for (verb, args) in [("save", json!({ "value": "mine" })), ("get", json!({ "key": "long" }))] {
            let mut socket = target.websocket("/data/websocket", &[]).await?;
            let call = json!({ "route": "session", "verb": verb, "args": args, "callbackname": "c" });
            socket.send_text(call.to_string()).await?;
            let code = socket.close_code().await?;
            ensure!(code == 3000, "{verb} was answered with the code {code}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn somebody_elses_sockjs_session() -> Result<()> {
    attack(&[], async |target| {
        let opened = target.request("POST /data/000/guessable/xhr", "", "").await?;
        ensure!(opened.ends_with("o\n"), "the session does not open: {opened}");
        let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
        let answer = target.request_from(elsewhere, "POST /data/000/guessable/xhr", "", "").await?;
        ensure!(answer.starts_with("HTTP/1.1 403"), "it was answered {answer}");
        Ok(target)
    })
    .await
}
