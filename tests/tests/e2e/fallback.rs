//! A session lives with its page where no WebSocket can be had, too. Asked from Redis.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};

const TTL: Duration = Duration::from_secs(3);

struct Stage {
    redis: Redis,
    site: Site,
    server: Server,
    browser: Browser,
}

impl Stage {
    async fn set(app: &Path, interval: &str, settings: &[&str]) -> Result<Self> {
        let redis = Redis::start().await?;
        let site = Site::serve(app).await?;
        let url = redis.url();
        let common = [
            "--session-store",
            &url,
            "--session-ttl",
            "3s",
            "--heartbeat-interval",
            interval,
            "--allowed-origins",
            site.origin(),
        ];
        let server = Server::start(common.into_iter().chain(settings.iter().copied()))?;
        Ok(Self { redis, site, server, browser: Browser::start().await? })
    }

    async fn open(&self, query: &str) -> Result<()> {
        let page = format!("{}/?server={}&session=k1{query}", self.site.origin(), self.server.url());
        self.browser.open(&page).await?;
        self.browser.until("seen.opened === 1").await?;
        self.redis.store_session("k1", TTL).await
    }

    /// Sees the session through twice its time to live.
    async fn session_outlives_its_ttl(&self) -> Result<()> {
        for _ in 0..6 {
            let left = self.redis.refreshed("k1").await?;
            ensure!(left > TTL - Duration::from_millis(500) && left <= TTL, "refreshed to {left:?} instead of {TTL:?}");
        }
        ensure!(self.browser.value("seen.closed").await? == 0, "one connection was enough");
        Ok(())
    }

    /// Leaves the page, with which the session dies.
    async fn session_dies_with_its_page(&self) -> Result<()> {
        self.browser.open("about:blank").await?;
        self.redis.expires_unrefreshed("k1").await
    }

    async fn requested(&self, what: &str) -> Result<bool> {
        Ok(self.browser.value(&format!("seen.requests.includes('{what}')")).await? == true)
    }

    async fn fetched_the_fallback(&self) -> Result<bool> {
        let fetched = "performance.getEntriesByType('resource').some(({ name }) => name.includes('fallback'))";
        Ok(self.browser.value(fetched).await? == true)
    }
}

#[tokio::test]
async fn by_streaming_where_the_browser_has_no_websocket() -> Result<()> {
    for app in [&npm::apps()?.plain, &npm::apps()?.vite] {
        let stage = Stage::set(app, "1s", &[]).await?;
        stage.open("&blocked").await?;
        stage.session_outlives_its_ttl().await?;
        ensure!(stage.requested("xhr_streaming").await? && !stage.requested("xhr").await?, "by streaming alone");
        ensure!(stage.fetched_the_fallback().await?, "what carries it was fetched");
        stage.session_dies_with_its_page().await?;
    }
    Ok(())
}

#[tokio::test]
async fn by_polling_where_nothing_else_is_allowed() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.vite, "1s", &[]).await?;
    stage.open("&blocked&transports=websocket,xhr-polling").await?;
    stage.session_outlives_its_ttl().await?;
    ensure!(stage.requested("xhr").await? && !stage.requested("xhr_streaming").await?, "by polling alone");
    stage.session_dies_with_its_page().await
}

#[tokio::test]
async fn in_many_short_streams() -> Result<()> {
    let settings = ["--sockjs-response-limit", "1KiB", "--heartbeat-ack"];
    let stage = Stage::set(&npm::apps()?.plain, "100ms", &settings).await?;
    stage.open("&blocked").await?;
    stage.browser.until("seen.requests.filter((what) => what === 'xhr_streaming').length > 5").await?;
    stage.session_outlives_its_ttl().await
}

#[tokio::test]
async fn through_a_restart_of_the_server() -> Result<()> {
    let mut stage = Stage::set(&npm::apps()?.plain, "1s", &[]).await?;
    stage.open("&blocked").await?;
    stage.redis.refreshed("k1").await?;
    stage.server.restart()?;
    stage.browser.until("seen.opened === 2").await?;
    stage.redis.store_session("k1", TTL).await?;
    for _ in 0..3 {
        stage.redis.refreshed("k1").await?;
    }
    let questions = "seen.requests.filter((what) => what === 'info').length";
    ensure!(stage.browser.value(&format!("{questions} >= 1")).await? == true, "the server was asked");
    ensure!(!stage.requested("xhr").await?, "streaming was remembered, or found again");
    Ok(())
}

#[tokio::test]
async fn by_streaming_where_the_server_offers_no_websocket_which_the_next_page_knows() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "1s", &["--sockjs-websocket=false"]).await?;
    stage.open("&storage=session").await?;
    ensure!(stage.requested("info").await?, "the server was asked");
    stage.session_outlives_its_ttl().await?;

    stage.open("&storage=session").await?;
    ensure!(stage.requested("xhr_streaming").await? && !stage.requested("info").await?, "it was not asked again");
    stage.session_outlives_its_ttl().await?;
    stage.session_dies_with_its_page().await
}

#[tokio::test]
async fn which_a_page_with_a_websocket_does_not_fetch() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "1s", &[]).await?;
    stage.open("").await?;
    ensure!(!stage.requested("info").await? && !stage.fetched_the_fallback().await?, "the happy path is a WebSocket");
    Ok(())
}
