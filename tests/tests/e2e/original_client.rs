//! A page of 2014, with the client it was written for.

use std::time::Duration;

use anyhow::{Result, ensure};
use swampdragon_tests::{browser::Browser, original, redis::Redis, server::Server};

#[tokio::test]
async fn keeps_its_session_alive() -> Result<()> {
    let redis = Redis::start().await?;
    let page = original::page()?;
    let server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl",
        "3s",
        "--heartbeat-interval",
        "1s",
        "--static-dir",
        &page.display().to_string(),
    ])?;
    let browser = Browser::start().await?;

    browser.open(&format!("{}/?session=k1", server.url())).await?;
    browser.until("seen.opened === 1").await?;
    redis.store_session("k1", Duration::from_secs(3)).await?;
    for _ in 0..5 {
        redis.refreshed("k1").await?;
    }
    browser.until("seen.heartbeats >= 5").await?;
    ensure!(browser.value("seen.opened").await? == 1, "one connection was enough");

    browser.open("about:blank").await?;
    redis.expires_unrefreshed("k1").await
}
