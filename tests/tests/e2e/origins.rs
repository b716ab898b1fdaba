//! A page from elsewhere cannot use a visitor's browser to reach the server, unless it was allowed to.

use std::time::Duration;

use anyhow::{Result, ensure};
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_allowed_keeps_nothing_alive() -> Result<()> {
    let redis = Redis::start().await?;
    let site = Site::serve(&npm::apps()?.plain).await?;
    let server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl",
        "3s",
        "--heartbeat-interval",
        "300ms",
        "--allowed-origins",
        "https://example.com",
    ])?;
    let browser = Browser::start().await?;
    redis.store_session("k1", Duration::from_secs(3)).await?;

    browser.open(&format!("{}/?server={}&session=k1", site.origin(), server.url())).await?;
    browser.until("seen.closed >= 1").await?;
    redis.expires_unrefreshed("k1").await?;
    ensure!(browser.value("seen.heartbeats").await? == 0, "the page got heartbeats");
    Ok(())
}
