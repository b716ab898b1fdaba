//! The promise itself: a session lives for as long as its page is open, and no longer. Asked from Redis.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};

const TTL: Duration = Duration::from_secs(3);

/// A page from an origin of its own, a server that allows it, and a Redis.
struct Stage {
    redis: Redis,
    site: Site,
    server: Server,
}

impl Stage {
    async fn set(app: &Path) -> Result<Self> {
        let redis = Redis::start().await?;
        let site = Site::serve(app).await?;
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
        Ok(Self { redis, site, server })
    }

    fn page(&self, session: &str) -> String {
        format!("{}/?server={}&session={session}", self.site.origin(), self.server.url())
    }

    /// Stores the session once the page is connected: how long a browser takes to get there is not under test.
    async fn begin_session(&self, browser: &Browser, key: &str) -> Result<()> {
        browser.until("seen.opened === 1").await?;
        self.redis.store_session(key, TTL).await
    }

    /// Sees the session through twice its time to live, refreshed to the full each time.
    async fn outlives_its_ttl(&self, key: &str) -> Result<()> {
        for _ in 0..6 {
            let left = self.redis.refreshed(key).await?;
            ensure!(left > TTL - Duration::from_millis(500) && left <= TTL, "refreshed to {left:?} instead of {TTL:?}");
        }
        Ok(())
    }
}

async fn lives_and_dies_with(app: &Path) -> Result<()> {
    let stage = Stage::set(app).await?;
    let browser = Browser::start().await?;

    browser.open(&stage.page("k1")).await?;
    stage.begin_session(&browser, "k1").await?;
    stage.outlives_its_ttl("k1").await?;
    ensure!(browser.value("seen.opened").await? == 1, "one connection was enough");
    ensure!(browser.console().await?.is_empty(), "nothing to complain about in the console");

    browser.open("about:blank").await?;
    stage.redis.expires_unrefreshed("k1").await
}

#[tokio::test]
async fn through_a_vite_app() -> Result<()> {
    lives_and_dies_with(&npm::apps()?.vite).await
}

#[tokio::test]
async fn through_a_plain_page() -> Result<()> {
    lives_and_dies_with(&npm::apps()?.plain).await
}

#[tokio::test]
async fn a_page_that_answers_nothing_keeps_nothing() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain).await?;
    let browser = Browser::start().await?;

    let silent = format!("{}/?server={}", stage.site.origin(), stage.server.url());
    browser.open(&silent).await?;
    stage.begin_session(&browser, "k1").await?;
    browser.until("seen.heartbeats >= 1").await?;
    stage.redis.expires_unrefreshed("k1").await?;

    ensure!(browser.value("seen.closed").await? == 0, "the page stayed connected all the while");
    Ok(())
}

#[tokio::test]
async fn two_pages_share_a_session_until_the_last_one_closes() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain).await?;
    let browser = Browser::start().await?;

    browser.open(&stage.page("k1")).await?;
    let first = browser.tab().await?;
    browser.open_tab(&stage.page("k1")).await?;
    stage.begin_session(&browser, "k1").await?;
    browser.until("seen.heartbeats >= 1").await?;
    browser.go_to(first.clone()).await?;
    browser.until("seen.heartbeats >= 1").await?;

    let second = browser.tabs().await?.into_iter().find(|tab| *tab != first).expect("two tabs are open");
    browser.go_to(second.clone()).await?;
    browser.close_tab(first).await?;
    stage.outlives_its_ttl("k1").await?;

    browser.open("about:blank").await?;
    stage.redis.expires_unrefreshed("k1").await
}

#[tokio::test]
async fn a_page_that_is_left_and_returned_to_answers_again() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.page("k1")).await?;
    stage.begin_session(&browser, "k1").await?;
    stage.redis.refreshed("k1").await?;

    browser.open("about:blank").await?;
    browser.back().await?;
    browser.until("dragon.isReady").await?;
    stage.redis.store_session("k1", TTL).await?;
    stage.outlives_its_ttl("k1").await
}

#[tokio::test]
async fn a_reload_keeps_the_key() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.vite).await?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}&storage=session", stage.page("k1"))).await?;
    browser.until("dragon.isReady").await?;

    // The address no longer has the key; the tab's storage does.
    browser.open(&format!("{}/?server={}&storage=session", stage.site.origin(), stage.server.url())).await?;
    stage.begin_session(&browser, "k1").await?;
    stage.outlives_its_ttl("k1").await
}
