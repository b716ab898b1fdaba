//! Many tabs of one page share one connection: the server has less to do, and no tab notices.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};
use swampdragon_tests::{
    browser::Browser,
    deadline::eventually,
    npm,
    peer::Peer,
    redis::{Life, Redis},
    server::Server,
    site::Site,
};
use tokio::task::JoinHandle;

/// How soon another tab has the connection when the one that had it is gone.
const HANDOVER: Duration = Duration::from_secs(1);

const BETWEEN_PUBLICATIONS: Duration = Duration::from_millis(50);

/// Several tabs of one page, the first of which leads, and a server that knows how many connections it has.
struct Stage {
    redis: Redis,
    server: Server,
    browser: Browser,
    tabs: Vec<WindowHandle>,
    _site: Site,
}

impl Stage {
    async fn set(app: &Path, query: &str, count: usize) -> Result<Self> {
        let redis = Redis::start().await?;
        let site = Site::serve(app).await?;
        let store = redis.url();
        let flags = [
            ["--session-store", &store],
            ["--session-ttl", "60s"],
            ["--heartbeat-interval", "1s"],
            ["--allowed-origins", site.origin()],
        ];
        let server = Server::start_program(Path::new(env!("CARGO_BIN_EXE_interop-server")), flags.concat())?;
        redis.store_session("k1", Duration::from_secs(60)).await?;
        let browser = Browser::start().await?;
        let page = format!("{}/?share&server={}&session=k1{query}", site.origin(), server.url());
        browser.open(&page).await?;
        browser.until("dragon.isReady").await?;
        let mut tabs = vec![browser.tab().await?];
        while tabs.len() < count {
            tabs.push(browser.open_tab(&page).await?);
            browser.until("dragon.isReady").await?;
        }
        Ok(Self { redis, server, browser, tabs, _site: site })
    }

    async fn go_to(&self, number: usize) -> Result<()> {
        self.browser.go_to(self.tabs[number].clone()).await
    }

    /// What a router answers the tab in use.
    async fn call(&self, verb: &str, args: &Value) -> Result<Value> {
        let call = format!("dragon.callRouter('{verb}', 'demo', {args})");
        let noted = format!("(window.answer = null, void {call}.then(({{ data }}) => (window.answer = {{ data }})))");
        self.browser.value(&noted).await?;
        self.browser.until("window.answer !== null").await?;
        self.browser.value("window.answer.data").await
    }

    async fn subscribe(&self) -> Result<()> {
        self.browser.value("void dragon.subscribe('demo', {}, 'subscribed', 'front')").await?;
        self.browser.until("(dragon.callRouter('publish', 'demo', { number: 0 }), seen.published.length > 0)").await
    }

    /// Publishes numbers for as long as the task is not aborted.
    async fn publish(&self) -> Result<JoinHandle<()>> {
        let mut publisher = Peer::connect(&self.server).await?;
        Ok(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(BETWEEN_PUBLICATIONS);
            for number in 1.. {
                ticks.tick().await;
                if publisher.call("publish", "demo", json!({ "number": number })).await.is_err() {
                    return;
                }
            }
        }))
    }

    /// Sees three tabs through the end of the one that leads: another one gets what is published within a second.
    async fn hands_over<F: Future<Output = Result<()>>>(&self, end_first: impl FnOnce() -> F) -> Result<()> {
        for number in [1, 2] {
            self.go_to(number).await?;
            self.subscribe().await?;
        }
        let publisher = self.publish().await?;
        self.browser.until("seen.published.some(({ data }) => data.number > 5)").await?;
        self.go_to(0).await?;
        end_first().await?;
        for number in [1, 2] {
            self.go_to(number).await?;
            self.browser.until("seen.opened === 2").await?;
            self.browser.value("window.before = seen.published.length").await?;
            self.browser.until("seen.published.length > before + 5").await?;
            let gaps = "seen.published.slice(1).map(({ at }, index) => at - seen.published[index].at)";
            let gap = self.browser.value(&format!("Math.max(...{gaps})")).await?;
            let gap = Duration::from_millis(gap.as_u64().context("times are numbers")?);
            ensure!(gap < HANDOVER, "tab {number} heard nothing for {gap:?}");
            let named =
                self.browser.value("seen.published.every(({ channels }) => channels.join() === 'front')").await?;
            ensure!(named == true, "by the page's own name");
            ensure!(self.browser.value("seen.closed").await? == 1, "tab {number} has seen one end");
        }
        publisher.abort();
        // The publisher's own connection ends with its task.
        eventually("there is one connection", || async {
            Ok((self.call("connections", &json!({})).await? == 1).then_some(()))
        })
        .await
    }
}

/// How often Redis has been asked to refresh.
async fn refreshes(redis: &Redis) -> Result<u64> {
    Ok(redis.calls().await?.get("pexpire").copied().unwrap_or_default())
}

#[tokio::test]
async fn four_tabs_are_one_connection_that_refreshes_a_session_once() -> Result<()> {
    for app in [&npm::apps()?.plain, &npm::apps()?.vite] {
        let stage = Stage::set(app, "", 4).await?;
        for number in 0..4 {
            stage.go_to(number).await?;
            ensure!(stage.call("connections", &json!({})).await? == 1, "the server has one connection");
            let own = json!({ "tab": number });
            ensure!(stage.call("echo", &own).await? == own, "a tab gets the answers to its own calls");
            ensure!(stage.browser.console().await?.is_empty(), "nothing to complain about in the console");
        }

        stage.go_to(0).await?;
        let seen = "seen.heartbeats";
        let (before, refreshed) = (stage.browser.value(seen).await?, refreshes(&stage.redis).await?);
        stage.browser.until(&format!("{seen} >= {before} + 4")).await?;
        let (after, refreshes) = (stage.browser.value(seen).await?, refreshes(&stage.redis).await? - refreshed);
        let heartbeats = after.as_u64().zip(before.as_u64()).map(|(after, before)| after - before);
        let heartbeats = heartbeats.context("heartbeats are counted")?;
        ensure!(refreshes.abs_diff(heartbeats) <= 1, "{heartbeats} heartbeats, {refreshes} refreshes");
        let answers = "seen.order.filter((what) => what === 'answer').length";
        ensure!(stage.browser.value(&format!("{answers} === seen.heartbeats")).await? == true, "one answer each");
        for number in 1..4 {
            stage.go_to(number).await?;
            stage.browser.until("seen.heartbeats >= 4").await?;
            ensure!(stage.browser.value(answers).await? == 0, "only one tab has a socket");
        }
    }
    Ok(())
}

#[tokio::test]
async fn another_tab_goes_on_when_the_one_that_leads_is_closed() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "", 3).await?;
    stage.hands_over(|| stage.browser.close_tab(stage.tabs[1].clone())).await
}

#[tokio::test]
async fn another_tab_goes_on_when_the_one_that_leads_crashes() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.vite, "", 3).await?;
    stage
        .hands_over(|| async {
            ensure!(stage.browser.open("chrome://crash").await.is_err(), "the tab has crashed");
            Ok(())
        })
        .await
}

#[tokio::test]
async fn another_tab_goes_on_when_the_one_that_leads_is_left_and_it_joins_when_it_is_returned_to() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "", 3).await?;
    stage.hands_over(|| stage.browser.open("about:blank")).await?;
    stage.go_to(0).await?;
    stage.browser.back().await?;
    stage.browser.until("dragon.isReady").await?;
    ensure!(stage.call("connections", &json!({})).await? == 1, "it has joined the others");
    Ok(())
}

#[tokio::test]
async fn another_tab_goes_on_when_the_one_that_leads_is_frozen() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "", 3).await?;
    let frozen = json!({ "state": "frozen" });
    stage.hands_over(|| stage.browser.developer_tools("Page.setWebLifecycleState", frozen)).await
}

#[tokio::test]
async fn another_tab_goes_on_where_no_websocket_can_be_had() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "&blocked", 3).await?;
    stage.hands_over(|| stage.browser.close_tab(stage.tabs[1].clone())).await
}

#[tokio::test]
async fn the_others_go_on_when_one_of_them_goes_and_its_subscriptions_end() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "", 3).await?;
    for number in [1, 2] {
        stage.go_to(number).await?;
        stage.subscribe().await?;
    }
    stage.browser.close_tab(stage.tabs[1].clone()).await?;
    let publisher = stage.publish().await?;
    stage.browser.until("seen.published.some(({ data }) => data.number > 5)").await?;
    for number in [0, 1] {
        stage.go_to(number).await?;
        ensure!(stage.browser.value("seen.closed").await? == 0, "nobody has lost a connection");
    }
    publisher.abort();
    Ok(())
}

#[tokio::test]
async fn a_logout_in_one_tab_ends_the_session_in_all() -> Result<()> {
    let stage = Stage::set(&npm::apps()?.plain, "", 3).await?;
    stage.go_to(1).await?;
    let outcome = stage.browser.value("dragon.logout().then(() => 'ended', (error) => error.message)").await?;
    ensure!(outcome == "ended", "{outcome}");
    ensure!(stage.redis.session_life("k1").await? == Life::Gone, "the session is gone from the store");
    for (number, notices) in [
        (0, json!(["expired", "onsessionexpired"])),
        (1, json!(["expired"])),
        (2, json!(["expired", "onsessionexpired"])),
    ] {
        stage.go_to(number).await?;
        stage.browser.until("dragon.session === null").await?;
        let before = stage.browser.value("seen.heartbeats").await?;
        stage.browser.until(&format!("seen.heartbeats >= {before} + 2")).await?;
        let heard = stage.browser.value("[seen.notices, seen.closed, dragon.isReady]").await?;
        ensure!(heard == json!([notices, 0, true]), "tab {number} is told once and stays, but it has {heard}");
    }
    ensure!(stage.redis.session_life("k1").await? == Life::Gone, "no tab has brought the session back");
    Ok(())
}

#[tokio::test]
async fn the_session_is_kept_while_any_of_the_tabs_is_visible() -> Result<()> {
    const SHORT: Duration = Duration::from_secs(3);
    let stage = Stage::set(&npm::apps()?.plain, "&keepAlive=visible", 2).await?;
    // The one that has the socket is covered, and may not answer for itself.
    for _ in 0..3 {
        stage.redis.refreshed("k1").await?;
    }
    stage.browser.open_tab("about:blank").await?;
    stage.redis.store_session("k1", SHORT).await?;
    stage.redis.expires_unrefreshed("k1").await?;

    stage.redis.store_session("k1", SHORT).await?;
    stage.browser.close_tab(stage.tabs[1].clone()).await?;
    stage.redis.refreshed("k1").await?;
    let sent = stage.browser.value("seen.order.includes('answer')").await?;
    ensure!(sent == false, "the tab that answers is not the one that has the socket");
    Ok(())
}

#[tokio::test]
async fn a_new_tab_takes_over_from_one_that_hangs_which_joins_when_it_is_back() -> Result<()> {
    const HANGS: Duration = Duration::from_secs(15);
    let stage = Stage::set(&npm::apps()?.plain, "", 2).await?;
    stage.go_to(0).await?;
    let hang = format!("for (const end = Date.now() + {}; Date.now() < end; );", HANGS.as_millis());
    // Later, since the driver goes to no other tab from one that hangs, and opens none.
    stage.browser.value(&format!("void setTimeout(() => {{ {hang} }}, 2000)")).await?;
    stage.go_to(1).await?;
    let hanging = Instant::now();
    stage.browser.value("void setTimeout(() => (window.another = open(location)), 4000)").await?;
    stage.browser.until("window.another?.dragon?.isReady === true").await?;
    ensure!(hanging.elapsed() < HANGS, "the new tab has not waited for the one that hangs");
    for number in [1, 0] {
        stage.go_to(number).await?;
        stage.browser.until("dragon.isReady && seen.opened === 2").await?;
    }
    ensure!(stage.call("connections", &json!({})).await? == 1, "they have one connection again");
    Ok(())
}
