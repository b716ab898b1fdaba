//! The server goes and comes back: the page finds it without a reload, and nothing of the session is lost.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
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
async fn a_page_leaves_a_server_that_stops_alone_for_as_long_as_it_asks() -> Result<()> {
    let site = Site::serve(&npm::apps()?.plain).await?;
    let flags = ["--session-store", "memory:", "--drain-retry-after", "6s", "--allowed-origins", site.origin()];
    let mut server = Server::start(flags)?;
    let browser = Browser::start().await?;
    // Left to itself, this page would come back at once.
    browser.open(&format!("{}/?server={}&lucky", site.origin(), server.url())).await?;
    browser.until("seen.opened === 1").await?;

    server.terminate()?;
    server.ended(Duration::from_secs(10))?;
    server.restart()?;
    browser.until("seen.opened === 2").await?;

    let end = browser.value("seen.ends[0]").await?;
    ensure!(end["code"] == 3000 && end["reconnecting"] == true, "{end}");
    let words = end["reason"].as_str().context("a close has words")?;
    let asked = words.split_once("(retry after ").and_then(|(_, rest)| rest.strip_suffix(" ms)"));
    let asked: u64 = asked.with_context(|| format!("{words} says how long"))?.parse()?;
    let stayed = browser.value("seen.ends[1]?.at ?? seen.openedAt").await?;
    let stayed = stayed.as_u64().zip(end["at"].as_u64()).map(|(until, since)| until - since);
    let stayed = stayed.context("times are numbers")?;
    ensure!(stayed >= asked, "it tried again after {stayed} ms instead of {asked} ms");
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
