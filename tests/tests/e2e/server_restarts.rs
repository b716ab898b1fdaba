//! The server goes and comes back: the page finds it without a reload, and nothing of the session is lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};

#[tokio::test]
async fn killed_with_redis() -> Result<()> {
    comes_back(|server| {
        server.kill();
        Ok(())
    })
    .await
}

#[tokio::test]
async fn stopped_with_redis() -> Result<()> {
    comes_back(|server| {
        server.terminate()?;
        server.ended(Duration::from_secs(10)).map(drop)
    })
    .await
}

async fn comes_back(stop: impl FnOnce(&mut Server) -> Result<()>) -> Result<()> {
    let redis = Redis::start().await?;
    let site = Site::serve(&npm::apps()?.vite).await?;
    let mut server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl",
        "10s",
        "--heartbeat-interval",
        "1s",
        "--allowed-origins",
        site.origin(),
    ])?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}/?server={}&session=k1", site.origin(), server.url())).await?;
    browser.until("seen.opened === 1").await?;
    redis.store_session("k1", Duration::from_secs(10)).await?;
    redis.refreshed("k1").await?;

    stop(&mut server)?;
    browser.until("seen.closed >= 1").await?;
    server.restart()?;

    browser.until("seen.opened === 2").await?;
    redis.refreshed("k1").await?;
    Ok(())
}

#[tokio::test]
async fn killed_with_the_embedded_store() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = format!("embedded:{}", folder.path().join("sessions.redb").display());
    let site = Site::serve(&npm::apps()?.vite).await?;
    let mut server = Server::start([
        "--session-store",
        &store,
        "--session-ttl",
        "10s",
        "--heartbeat-interval",
        "1s",
        "--open-sessions",
        "--allowed-origins",
        site.origin(),
    ])?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}/?server={}", site.origin(), server.url())).await?;
    browser.until("seen.opened === 1").await?;
    let value = json!({ "name": "Errol", "basket": [1, 2.5, "ž"] });
    let saved = browser.value(&format!("dragon.callRouter('save_get_key', 'session', {{ value: {value} }})")).await?;
    let key = saved["data"]["key"].clone();

    server.kill();
    browser.until("seen.closed >= 1").await?;
    server.restart()?;
    browser.until("seen.opened === 2").await?;

    let found = browser.value(&format!("dragon.callRouter('get', 'session', {{ key: {key} }})")).await?;
    ensure!(found["data"]["value"] == value, "{found} instead of {value}");
    Ok(())
}
