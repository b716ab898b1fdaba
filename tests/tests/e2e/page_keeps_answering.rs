//! What a page author sees of a heartbeat.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};

async fn open_page(browser: &Browser, extra: &str) -> Result<(Redis, Site, Server)> {
    let redis = Redis::start().await?;
    let site = Site::serve(&npm::apps()?.vite).await?;
    let server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl",
        "3s",
        "--heartbeat-interval",
        "1s",
        "--allowed-origins",
        site.origin(),
    ])?;
    browser.open(&format!("{}/?server={}&session=k1{extra}", site.origin(), server.url())).await?;
    browser.until("seen.opened === 1").await?;
    redis.store_session("k1", Duration::from_secs(3)).await?;
    Ok((redis, site, server))
}

#[tokio::test]
async fn onheartbeat_runs_once_per_heartbeat_after_the_answer_went_out() -> Result<()> {
    let browser = Browser::start().await?;
    let _stage = open_page(&browser, "").await?;

    browser.until("seen.heartbeats >= 3").await?;
    let order = browser.value("seen.order.slice(0, 6)").await?;
    ensure!(
        order == json!(["answer", "onheartbeat", "answer", "onheartbeat", "answer", "onheartbeat"]),
        "the order was {order}"
    );
    Ok(())
}

#[tokio::test]
async fn an_onheartbeat_that_throws_breaks_nothing() -> Result<()> {
    let browser = Browser::start().await?;
    let (redis, _site, _server) = open_page(&browser, "&throws").await?;

    browser.until("seen.heartbeats >= 4").await?;
    redis.refreshed("k1").await?;
    ensure!(browser.value("[seen.opened, seen.closed]").await? == json!([1, 0]), "the connection stood all the while");

    let console = browser.console().await?;
    ensure!(
        console.iter().any(|line| line.contains("this page's onheartbeat fails")),
        "the page's error is reported, not swallowed; the console has {console:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_acknowledges_tells_the_page_what_became_of_its_session() -> Result<()> {
    let redis = Redis::start().await?;
    let site = Site::serve(&npm::apps()?.vite).await?;
    let server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl",
        "30s",
        "--heartbeat-interval",
        "300ms",
        "--heartbeat-ack",
        "--allowed-origins",
        site.origin(),
    ])?;
    let browser = Browser::start().await?;
    redis.store_session("k1", Duration::from_secs(30)).await?;
    browser.open(&format!("{}/?server={}&session=k1", site.origin(), server.url())).await?;

    browser.until("seen.notices.includes('active')").await?;
    ensure!(browser.value("seen.notices.every(notice => notice === 'active')").await? == true, "nothing else was said");
    redis.log_out("k1").await?;
    browser.until("seen.notices.includes('expired') && seen.notices.includes('onsessionexpired')").await
}
