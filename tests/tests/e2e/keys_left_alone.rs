//! A heartbeat can lengthen the life of a session that expires, and do nothing else to Redis whatever it carries.

use std::time::Duration;

use anyhow::{Result, ensure};
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use swampdragon_tests::{
    browser::Browser,
    deadline::eventually,
    npm,
    peer::Peer,
    redis::{Redis, SESSION_KEY_PREFIX},
    server::Server,
    site::Site,
};

const LONG: u64 = 600;

/// A Redis that other programs use too.
async fn lived_in() -> Result<Redis> {
    let redis = Redis::start().await?;
    let mut connection = redis.connection().await?;
    connection.set::<_, _, ()>("config", "precious").await?;
    connection.set_ex::<_, _, ()>("other:session:k1", "theirs", LONG).await?;
    connection.hset::<_, _, _, ()>("other:hash", "field", "value").await?;
    connection.set::<_, _, ()>(format!("{SESSION_KEY_PREFIX}persistent"), "for ever").await?;
    connection.set_ex::<_, _, ()>(format!("{SESSION_KEY_PREFIX}long"), "longer than the server's", LONG).await?;
    Ok(redis)
}

fn hostile_keys() -> Vec<Value> {
    vec![
        json!(""),
        json!("config"),
        json!("unknown"),
        json!("persistent"),
        json!("long"),
        json!("other:session:k1"),
        json!("../config"),
        json!("*"),
        json!("k1 k2"),
        json!("k1\r\nDEL config\r\n"),
        json!("k1\u{0}"),
        json!("k".repeat(129)),
        json!("ключ"),
        json!(1),
        json!(null),
        json!(true),
        json!(["config"]),
        json!({ "key": "config" }),
    ]
}

#[tokio::test]
async fn whatever_a_peer_sends() -> Result<()> {
    let redis = lived_in().await?;
    let server =
        Server::start(["--session-store", &redis.url(), "--session-ttl", "30s", "--heartbeat-interval", "1s"])?;
    redis.store_session("known", Duration::from_secs(20)).await?;
    let before = redis.snapshot().await?;

    for key in hostile_keys() {
        let mut peer = Peer::connect(&server).await?;
        peer.answer(key).await?;
        // One more answer over the same connection would do, but a server may close on a malformed one.
        let _ = peer.alive().await;
    }
    // A refresh that can be seen says that all before it has been dealt with.
    let mut peer = Peer::connect(&server).await?;
    peer.answer("known").await?;
    eventually("a session that expires has been refreshed", || async {
        let left = redis.session_life("known").await?.left()?;
        Ok((left > Duration::from_secs(25)).then_some(()))
    })
    .await?;

    ensure!(redis.snapshot().await? == before, "keys were created, removed, changed or given a time to live");
    for name in ["other:session:k1", &format!("{SESSION_KEY_PREFIX}long")] {
        let left = redis.life(name).await?.left()?;
        ensure!(left > Duration::from_secs(LONG - 60), "{name} was cut short to {left:?}");
    }
    Ok(())
}

#[tokio::test]
async fn whatever_a_page_stores_as_its_key() -> Result<()> {
    let redis = lived_in().await?;
    let site = Site::serve(&npm::apps()?.plain).await?;
    let server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl",
        "5s",
        "--heartbeat-interval",
        "300ms",
        "--allowed-origins",
        site.origin(),
    ])?;
    let browser = Browser::start().await?;
    let before = redis.snapshot().await?;
    for key in ["config", "persistent", "long", "unknown"] {
        browser.open(&format!("{}/?server={}&session={key}", site.origin(), server.url())).await?;
        browser.until("seen.heartbeats >= 2").await?;
        ensure!(browser.value("seen.closed").await? == 0, "the page with the key {key} stays connected");
    }
    for malformed in ["other:session:k1", "*", "k1 k2", ""] {
        let thrown =
            format!("(() => {{ try {{ dragon.session = {malformed:?} }} catch (error) {{ return error.name }} }})()");
        ensure!(browser.value(&thrown).await? == "TypeError", "a page can store {malformed:?} as its key");
    }
    ensure!(redis.snapshot().await? == before, "keys were created, removed, changed or given a time to live");
    Ok(())
}
