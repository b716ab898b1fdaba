//! The demo page shows what happens, and nothing else.

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::{browser::Browser, npm, server::Server};
use tempfile::TempDir;

/// What the big number says, in seconds.
const REMAINING: &str = "Number(document.getElementById('remaining').textContent)";
const HEADLINE: &str = "document.getElementById('headline').textContent";

struct Demo {
    server: Server,
    browser: Browser,
    _folder: TempDir,
}

impl Demo {
    /// The demo with a session of 4 seconds and a heartbeat each second.
    async fn open() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        npm::demo(folder.path())?;
        let server = Server::start([
            "--session-store",
            "memory:",
            "--session-ttl",
            "4s",
            "--heartbeat-interval",
            "1s",
            "--heartbeat-ack",
            "--open-sessions",
            "--static-dir",
            &folder.path().display().to_string(),
        ])?;
        let browser = Browser::start().await?;
        browser.open(&format!("{}/", server.url())).await?;
        browser.until("document.body.dataset.tone === 'alive'").await?;
        Ok(Self { server, browser, _folder: folder })
    }

    async fn falls_and_jumps_back(&self) -> Result<()> {
        self.browser.until(&format!("{REMAINING} < 3.4")).await?;
        self.browser.until(&format!("{REMAINING} > 3.7")).await
    }
}

#[tokio::test]
async fn loads_from_its_own_server_alone_and_without_complaint() -> Result<()> {
    let demo = Demo::open().await?;
    demo.falls_and_jumps_back().await?;

    let asked = demo.browser.value("performance.getEntriesByType('resource').map(entry => entry.name)").await?;
    let asked = asked.as_array().context("a list of addresses")?;
    ensure!(!asked.is_empty(), "the page has parts");
    for address in asked {
        let address = address.as_str().unwrap_or_default();
        ensure!(address.starts_with(demo.server.url()), "the page asks {address}");
    }
    ensure!(demo.browser.console().await?.is_empty(), "the console has complaints");
    Ok(())
}

#[tokio::test]
async fn fits_a_small_phone() -> Result<()> {
    let demo = Demo::open().await?;
    demo.browser.look_like(360, 740, 1.0, "light").await?;
    demo.browser.until("innerWidth === 360 && document.documentElement.scrollWidth <= 360").await
}

#[tokio::test]
async fn a_page_that_stops_answering_sees_its_session_expire_and_can_start_another() -> Result<()> {
    let demo = Demo::open().await?;
    let browser = &demo.browser;
    demo.falls_and_jumps_back().await?;

    browser.click("#answering").await?;
    browser.until(&format!("{HEADLINE} === 'Not answering'")).await?;
    browser.until(&format!("{HEADLINE} === 'Session expired' && {REMAINING} === 0")).await?;
    browser.until("document.getElementById('value').textContent === 'nothing any more'").await?;

    browser.click("#renew").await?;
    browser.until("document.body.dataset.tone === 'alive'").await?;
    demo.falls_and_jumps_back().await
}

#[tokio::test]
async fn a_dropped_connection_comes_back_to_the_same_session() -> Result<()> {
    let demo = Demo::open().await?;
    let browser = &demo.browser;
    let key = browser.text("#key").await?;

    browser.click("#drop").await?;
    browser.until("document.getElementById('count-reconnects').textContent === '1'").await?;
    demo.falls_and_jumps_back().await?;
    ensure!(browser.text("#key").await? == key, "the session is the same");
    Ok(())
}

#[tokio::test]
async fn a_second_tab_keeps_the_session_of_a_silent_first_one() -> Result<()> {
    let demo = Demo::open().await?;
    let browser = &demo.browser;
    let first = browser.tab().await?;
    let key = browser.text("#key").await?;

    browser.click("#second").await?;
    let second = swampdragon_tests::deadline::eventually("the second tab is open", || async {
        Ok(browser.tabs().await?.into_iter().find(|tab| *tab != first))
    })
    .await?;
    browser.go_to(second).await?;
    browser.until(&format!("{HEADLINE} === 'Alive, shared with another tab'")).await?;
    ensure!(browser.text("#key").await? == key, "the session is the same");
    ensure!(browser.value("location.hash").await? == "", "the key has gone from the address");

    browser.go_to(first).await?;
    browser.click("#answering").await?;
    browser.until(&format!("{HEADLINE} === 'Kept by another page'")).await
}
