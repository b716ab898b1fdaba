//! Takes the README's picture of a running demo: `demo-screenshot URL FILE`, as `cargo xtask demo --screenshot FILE` does.
//!
//! It plays for about a minute, so that the chart has everything to show: a session kept alive, a connection lost and
//! found, heartbeats that went unanswered.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::{browser::Browser, deadline::within};

const REMAINING: &str = "Number(document.getElementById('remaining').textContent)";
const A_WHILE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("the demo's URL comes first")?;
    let file = arguments.next().context("the picture's file name comes second")?;

    let browser = Browser::start().await?;
    browser.look_like(1180, 716, 1.5, "light").await?;
    browser.open(&url).await?;
    counter(&browser, "refreshes", 4).await?;
    // How long the client waits before it comes back is random; for the picture it is the most.
    browser.value("Math.random = () => 0.999").await?;
    browser.click("#drop").await?;
    counter(&browser, "refreshes", 8).await?;
    browser.click("#answering").await?;
    page_has(&browser, &format!("{REMAINING} < 3.6")).await?;
    browser.click("#answering").await?;
    counter(&browser, "refreshes", 12).await?;
    page_has(&browser, &format!("{REMAINING} > 9")).await?;
    browser.value("scrollTo(0, 0)").await?;
    ensure!(browser.value("document.body.dataset.tone").await? == "alive", "the session is alive in the picture");

    tokio::fs::write(&file, browser.screenshot().await?).await.with_context(|| format!("cannot write {file}"))?;
    browser.quit().await
}

async fn counter(browser: &Browser, name: &str, at_least: u32) -> Result<()> {
    page_has(browser, &format!("Number(document.getElementById('count-{name}').textContent) >= {at_least}")).await
}

async fn page_has(browser: &Browser, expression: &str) -> Result<()> {
    within(A_WHILE, &format!("the page has {expression}"), || async {
        Ok((browser.value(expression).await? == true).then_some(()))
    })
    .await
}
