//! What a browser does to pages: puts them away, freezes them, covers them, takes their network.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};
use tokio::time::sleep;

const TTL: Duration = Duration::from_secs(3);

/// A browser with a page that keeps the session `k1`.
struct Stage {
    browser: Browser,
    redis: Redis,
    site: Site,
    server: Server,
}

impl Stage {
    async fn set(options: &str) -> Result<Self> {
        let redis = Redis::start().await?;
        let site = Site::serve(&npm::apps()?.plain).await?;
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
        let browser = Browser::start().await?;
        browser.open(&format!("{}/?server={}&session=k1{options}", site.origin(), server.url())).await?;
        browser.until("seen.opened === 1").await?;
        redis.store_session("k1", TTL).await?;
        redis.refreshed("k1").await?;
        Ok(Self { browser, redis, site, server })
    }

    async fn set_network(&self, offline: bool) -> Result<()> {
        let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.browser.developer_tools("Network.emulateNetworkConditions", conditions).await
    }
}

#[tokio::test]
async fn a_page_kept_for_the_back_button_connects_when_it_is_shown_again() -> Result<()> {
    let stage = Stage::set("").await?;
    let Stage { browser, redis, site, .. } = &stage;

    browser.open(&format!("{}/page.js", site.origin())).await?;
    redis.expires_unrefreshed("k1").await?;
    redis.store_session("k1", TTL).await?;
    browser.back().await?;
    browser.until("seen.opened === 2").await?;
    ensure!(browser.value("seen.restored").await? == 1, "the page is the same, not loaded anew");
    redis.refreshed("k1").await?;
    Ok(())
}

#[tokio::test]
async fn a_frozen_page_connects_when_it_runs_again() -> Result<()> {
    let stage = Stage::set("").await?;
    let Stage { browser, redis, .. } = &stage;

    browser.developer_tools("Page.setWebLifecycleState", json!({ "state": "frozen" })).await?;
    redis.expires_unrefreshed("k1").await?;
    redis.store_session("k1", TTL).await?;
    browser.developer_tools("Page.setWebLifecycleState", json!({ "state": "active" })).await?;
    browser.until("seen.opened === 2").await?;
    redis.refreshed("k1").await?;
    Ok(())
}

#[tokio::test]
async fn a_page_whose_network_returns_does_not_wait_for_its_next_attempt() -> Result<()> {
    let mut stage = Stage::set("&unlucky").await?;
    stage.set_network(true).await?;
    stage.browser.until("navigator.onLine === false").await?;
    ensure!(stage.browser.value("seen.closed").await? == 0, "the browser's word alone ends no connection");

    stage.server.kill();
    stage.browser.until("seen.closed === 1").await?;
    stage.server.restart()?;
    stage.redis.expires_unrefreshed("k1").await?;
    ensure!(stage.browser.value("seen.closed").await? == 1, "nothing was tried meanwhile");

    // The next attempt is due half a minute after the last.
    stage.set_network(false).await?;
    stage.browser.until("seen.opened === 2").await
}

#[tokio::test]
async fn a_page_that_keeps_its_session_while_visible_does_so_again_when_it_is_uncovered() -> Result<()> {
    let stage = Stage::set("&keepAlive=visible").await?;
    let Stage { browser, redis, .. } = &stage;
    let page = browser.tab().await?;

    browser.open_tab("about:blank").await?;
    redis.expires_unrefreshed("k1").await?;
    redis.store_session("k1", TTL).await?;
    browser.close_tab(page).await?;
    browser.until("document.visibilityState === 'visible'").await?;
    redis.refreshed("k1").await?;
    ensure!(browser.value("[seen.opened, seen.closed]").await? == json!([1, 0]), "connected all the while");
    Ok(())
}

#[tokio::test]
async fn a_page_that_keeps_its_session_while_it_is_used_does_so_in_any_tab() -> Result<()> {
    let stage = Stage::set("&activeWithin=1500").await?;
    let Stage { browser, redis, site, server } = &stage;
    let unused = browser.tab().await?;
    redis.expires_unrefreshed("k1").await?;

    // Another page of the origin, for another session.
    browser.open_tab(&format!("{}/?server={}&session=k2&activeWithin=1500", site.origin(), server.url())).await?;
    browser.until("seen.opened === 1").await?;
    redis.store_session("k1", TTL).await?;
    let used = async {
        loop {
            browser.click("p").await?;
            sleep(Duration::from_millis(100)).await;
        }
    };
    let kept = async {
        for _ in 0..4 {
            redis.refreshed("k1").await?;
        }
        Ok(())
    };
    let ended: Result<()> = tokio::select! { ended = used => ended, ended = kept => ended };
    ended?;
    browser.go_to(unused).await?;
    ensure!(browser.value("[seen.opened, seen.closed]").await? == json!([1, 0]), "connected all the while");
    Ok(())
}
