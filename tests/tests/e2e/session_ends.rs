//! A session that ends before its page is closed: the page is told, once, and nothing brings the session back.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::{
    browser::Browser,
    npm,
    redis::{Life, Redis},
    server::Server,
    site::Site,
};

/// Longer than any page hangs on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Before a session ends, its page is told so long.
const NOTICE: Duration = Duration::from_secs(3);

/// What pages make of it when they were told that the session has ended, apart from how it was before.
const ENDING: &str = "seen.notices.filter((state) => state !== 'active')";

/// A browser with a page that keeps the session `k1`, on a server that tells pages of their sessions.
struct Stage {
    browser: Browser,
    redis: Redis,
    page: String,
    ttl: Duration,
    _site: Site,
    _server: Server,
}

impl Stage {
    async fn set(ttl: Duration, options: &str) -> Result<Self> {
        let redis = Redis::start().await?;
        let site = Site::serve(&npm::apps()?.plain).await?;
        let [store, lifetime, notice] = [redis.url(), format!("{}s", ttl.as_secs()), format!("{}s", NOTICE.as_secs())];
        let flags = [
            ["--session-store", &store],
            ["--session-ttl", &lifetime],
            ["--session-expiring-notice", &notice],
            ["--heartbeat-interval", "1s"],
            ["--allowed-origins", site.origin()],
        ];
        let server = Server::start(flags.concat().into_iter().chain(["--heartbeat-ack"]))?;
        // How long a browser takes to start is not under test.
        redis.store_session("k1", LONG).await?;
        let browser = Browser::start().await?;
        let page = format!("{}/?server={}&session=k1{options}", site.origin(), server.url());
        let stage = Self { browser, redis, page, ttl, _site: site, _server: server };
        stage.browser.open(&stage.page).await?;
        stage.keeps_its_session().await?;
        Ok(stage)
    }

    /// Sees the page in use have its session refreshed, from when it has as much left as the server gives it.
    async fn keeps_its_session(&self) -> Result<()> {
        self.browser.until("seen.heartbeats >= 1").await?;
        self.redis.store_session("k1", self.ttl).await?;
        self.browser.value("seen.notices.length = 0").await?;
        // The first may tell of what was before.
        self.browser.until("seen.notices.length >= 2").await
    }

    /// Sees the page in use through further heartbeats.
    async fn is_asked_again(&self) -> Result<()> {
        let before = self.browser.value("seen.heartbeats").await?;
        self.browser.until(&format!("seen.heartbeats >= {before} + 3")).await
    }
}

#[tokio::test]
async fn a_logout_ends_the_session_on_every_page_for_good() -> Result<()> {
    let stage = Stage::set(LONG, "").await?;
    let Stage { browser, redis, .. } = &stage;
    let other = browser.tab().await?;
    let asking = browser.open_tab(&stage.page).await?;
    stage.keeps_its_session().await?;

    let outcome = browser.value("dragon.logout().then(() => 'ended', (error) => error.message)").await?;
    ensure!(outcome == "ended", "{outcome}");
    ensure!(redis.session_life("k1").await? == Life::Gone, "the session is gone from the store");
    ensure!(browser.value("[dragon.session, dragon.isReady]").await? == json!([null, true]), "this page stays");

    browser.go_to(other).await?;
    browser.until("seen.notices.includes('onsessionexpired')").await?;
    let left = browser.value("[dragon.session, dragon.isReady, seen.opened]").await?;
    ensure!(left == json!([null, false, 1]), "the other is closed and stays away, but it is {left}");
    let ends = browser.value("seen.ends.map(({ code, reconnecting }) => [code, reconnecting])").await?;
    ensure!(ends == json!([[4001, false]]), "{ends}");

    // A page that has kept the key somewhere.
    browser.value("void ((dragon.session = 'k1'), dragon.connect())").await?;
    browser.until("seen.opened === 2 && dragon.session === null").await?;
    stage.is_asked_again().await?;
    let notices = browser.value(ENDING).await?;
    ensure!(notices == json!(["onsessionexpired", "expired", "onsessionexpired"]), "once for each key: {notices}");

    browser.go_to(asking).await?;
    let notices = browser.value(ENDING).await?;
    ensure!(notices == json!(["expired"]), "who asked knows: {notices}");
    ensure!(redis.session_life("k1").await? == Life::Gone, "no answer has brought the session back");
    Ok(())
}

#[tokio::test]
async fn a_store_that_comes_back_empty_has_ended_the_session() -> Result<()> {
    let mut stage = Stage::set(LONG, "").await?;
    stage.redis.restart_empty().await?;

    let Stage { browser, redis, .. } = &stage;
    browser.until("seen.notices.includes('onsessionexpired')").await?;
    stage.is_asked_again().await?;
    let notices = browser.value(ENDING).await?;
    ensure!(notices == json!(["expired", "onsessionexpired"]), "told once: {notices}");
    let left = browser.value("[dragon.session, seen.opened, seen.closed]").await?;
    ensure!(left == json!([null, 1, 0]), "connected all the while, without a key, but it is {left}");
    ensure!(redis.session_life("k1").await? == Life::Gone, "no answer has brought the session back");
    Ok(())
}

#[tokio::test]
async fn a_page_that_may_not_answer_is_told_before_its_session_runs_out() -> Result<()> {
    let stage = Stage::set(NOTICE * 2, "&keepAlive=visible").await?;
    let Stage { browser, redis, .. } = &stage;
    let page = browser.tab().await?;
    browser
        .value("void addEventListener('visibilitychange', () => seen.notices.push(document.visibilityState))")
        .await?;

    browser.open_tab("about:blank").await?;
    redis.expires_unrefreshed("k1").await?;
    browser.close_tab(page).await?;
    browser.until("seen.notices.includes('visible') && seen.notices.includes('onsessionexpired')").await?;
    let notices = browser.value(&format!("{ENDING}.filter((state) => state !== 'visible')")).await?;
    ensure!(notices == json!(["hidden", "expiring", "expired", "onsessionexpired"]), "{notices}");
    ensure!(browser.value("seen.notices.indexOf('expiring') < seen.notices.indexOf('visible')").await? == true);
    Ok(())
}
