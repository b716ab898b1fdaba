//! Our client against servers as they were.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use swampdragon_tests::{
    browser::Browser,
    npm,
    original_server::{Era, OriginalServer},
    site::Site,
};

const HEARTBEAT: Duration = Duration::from_millis(300);

/// Our package in a page that knows a server and, maybe, a session.
struct Page {
    browser: Browser,
    _site: Site,
}

impl Page {
    async fn open(server: &str, session: Option<&str>) -> Result<Self> {
        let site = Site::serve(&npm::apps()?.plain).await?;
        let browser = Browser::start().await?;
        let session = session.map(|key| format!("&session={key}")).unwrap_or_default();
        browser.open(&format!("{}/?server={server}{session}", site.origin())).await?;
        browser.until("globalThis.dragon !== undefined").await?;
        Ok(Self { browser, _site: site })
    }

    /// What becomes of a call: its data, or its error's state, data and code.
    async fn call(&self, verb: &str, args: Value) -> Result<Value> {
        self.settled(&format!("dragon.callRouter('{verb}', 'demo', {args})")).await
    }

    async fn settled(&self, call: &str) -> Result<Value> {
        let settled = format!("{call}.then(({{ data }}) => [data], ({{ state, data, code }}) => [state, data, code])");
        self.browser.value(&settled).await
    }

    async fn listens(&self) -> Result<()> {
        let hear = "(dragon.settings.onchannelmessage = (channels, message) => \
                    (seen.published ??= []).push([channels, message])) && 0";
        self.browser.value(hear).await?;
        let subscribed = self.settled("dragon.subscribe('demo', {}, null, 'local')").await?;
        ensure!(subscribed == json!(["subscribed"]), "subscribe: {subscribed}");
        Ok(())
    }

    async fn hears(&self, server: &OriginalServer, number: usize) -> Result<()> {
        server.publish(&json!({ "number": number, "text": "été" }));
        self.browser.until(&format!("seen.published?.length === {number}")).await?;
        let heard = self.browser.value(&format!("seen.published[{}]", number - 1)).await?;
        let expected = json!([["local"], { "action": "created", "data": { "number": number, "text": "été" } }]);
        ensure!(heard == expected, "published: {heard}");
        Ok(())
    }
}

async fn calls_and_subscribes(page: &Page, server: &OriginalServer) -> Result<()> {
    let args = json!({ "a": 1, "text": "été" });
    let echoed = page.call("echo", args.clone()).await?;
    ensure!(echoed == json!([args]), "echo: {echoed}");
    let failed = page.call("fail", json!({})).await?;
    ensure!(failed == json!(["error", { "text": ["too long"] }, "error"]), "fail: {failed}");
    let private = page.call("private", json!({})).await?;
    ensure!(private == json!(["login_required", null, "login_required"]), "private: {private}");
    let without_args = page.settled("dragon.callRouter('echo', 'demo')").await?;
    ensure!(without_args == json!([{}]), "without args: {without_args}");
    page.listens().await?;
    page.hears(server, 1).await
}

#[tokio::test]
async fn of_0_3_0_is_answered_as_its_documentation_says() -> Result<()> {
    let server = OriginalServer::start(Era::Documented, HEARTBEAT).await?;
    let page = Page::open(&server.url(), Some("k1")).await?;
    page.browser.until("seen.opened === 1").await?;
    calls_and_subscribes(&page, &server).await?;
    let heard = server.until("three answers were taken", |heard| heard[0].answers >= 3).await?;
    let answer = r#"["{\"heartbeat\":\"tick\",\"session\":\"k1\"}"]"#;
    ensure!(heard[0].frames.iter().filter(|frame| frame.as_str() == answer).count() >= 3, "{heard:#?}");
    ensure!(heard.len() == 1 && heard[0].aborted.is_none(), "{heard:#?}");

    // That server aborts over a verb that it does not know, and its pages come back.
    let lost = page.call("nonsense", json!({})).await?;
    ensure!(lost == json!(["error", null, "connection_lost"]), "the lost call: {lost}");
    page.browser.until("seen.opened === 2").await?;
    server
        .until("it has subscribed again", |heard| {
            heard.get(1).is_some_and(|second| second.frames.iter().any(|frame| frame.contains("subscribe")))
        })
        .await?;
    page.call("echo", json!({})).await?;
    page.hears(&server, 2).await?;

    // It answers `unsubscribe`, then crashes; the page comes back without the subscription.
    let unsubscribed = page.settled("dragon.unsubscribe('demo', {}, null, 'local')").await?;
    ensure!(unsubscribed == json!(["unsubscribed"]), "unsubscribe: {unsubscribed}");
    page.browser.until("seen.opened === 3").await?;
    page.call("echo", json!({})).await?;
    let heard = server.heard();
    let third = heard.get(2).context("a third connection")?;
    ensure!(!third.frames.iter().any(|frame| frame.contains("subscribe")), "{third:#?}");
    Ok(())
}

#[tokio::test]
async fn of_0_3_0_hears_nothing_from_a_page_without_a_session() -> Result<()> {
    let server = OriginalServer::start(Era::Documented, HEARTBEAT).await?;
    let page = Page::open(&server.url(), None).await?;
    page.browser.until("seen.heartbeats >= 3").await?;
    let heard = server.heard();
    ensure!(heard.len() == 1 && heard[0].frames.is_empty() && heard[0].aborted.is_none(), "{heard:#?}");
    Ok(())
}

#[tokio::test]
async fn of_0_4_gets_its_own_heartbeat_back_with_or_without_a_session() -> Result<()> {
    let server = OriginalServer::start(Era::Last, HEARTBEAT).await?;
    let page = Page::open(&server.url(), Some("k1")).await?;
    page.browser.until("seen.opened === 1").await?;
    calls_and_subscribes(&page, &server).await?;
    server.until("three answers were taken", |heard| heard[0].answers >= 3).await?;
    page.browser.value("(dragon.session = null, 0)").await?;
    let before = server.heard()[0].answers;
    let heard = server.until("two more were taken", |heard| heard[0].answers >= before + 2).await?;
    let echo = r#"["{\"heartbeat\":\"1\"}"]"#;
    let answers = || heard[0].frames.iter().filter(|frame| frame.contains("heartbeat"));
    ensure!(answers().all(|frame| frame == echo), "{heard:#?}");
    ensure!(heard.len() == 1 && heard[0].aborted.is_none(), "{heard:#?}");
    let unsubscribed = page.settled("dragon.unsubscribe('demo', {}, null, 'local')").await?;
    ensure!(unsubscribed == json!(["unsubscribed"]), "unsubscribe: {unsubscribed}");

    // That server aborts with 3001, after which its pages stay away until they connect by themselves.
    page.browser.value("(dragon.settings.onclose = (event) => (seen.close = event)) && 0").await?;
    let lost = page.call("nonsense", json!({})).await?;
    ensure!(lost[2] == "connection_lost", "the lost call: {lost}");
    let close = page.browser.value("[seen.close.code, seen.close.reason, seen.close.reconnecting]").await?;
    ensure!(close == json!([3001, "Connection aborted", false]), "closed: {close}");
    page.browser.value("(dragon.connect(), 0)").await?;
    page.browser.until("seen.opened === 2").await?;
    let heard = server.heard();
    ensure!(heard.len() == 2, "one connection more than asked for: {heard:#?}");
    Ok(())
}

#[tokio::test]
async fn of_0_4_that_refuses_the_origin_is_left_alone() -> Result<()> {
    let server = OriginalServer::refusing().await?;
    let page = Page::open(&server.url(), None).await?;
    page.browser.until("seen.closed === 1").await?;
    let connections = server.heard().len();
    // The client would come back within half a second; a call tells that it does not even try.
    let call = page.call("echo", json!({})).await?;
    ensure!(call == json!(["error", null, "not_connected"]), "a call after the refusal: {call}");
    ensure!(connections == 1, "{connections} connections");
    Ok(())
}

#[tokio::test]
async fn raw_endpoints_are_answered_alike() -> Result<()> {
    for (era, answer) in
        [(Era::Documented, r#"{"heartbeat":"tick","session":"k1"}"#), (Era::Last, r#"{"heartbeat":"1"}"#)]
    {
        let server = OriginalServer::start(era, HEARTBEAT).await?;
        let page = Page::open(&format!("{}/data/websocket", server.url()), Some("k1")).await?;
        page.browser.until("seen.opened === 1").await?;
        calls_and_subscribes(&page, &server).await?;
        let heard = server.until("two answers were taken", |heard| heard[0].answers >= 2).await?;
        ensure!(heard.len() == 1 && heard[0].path == "/data/websocket", "{heard:#?}");
        ensure!(heard[0].frames.iter().any(|frame| frame == answer), "{era:?}: {heard:#?}");

        // A raw endpoint has no frame for the code of an abort; without one, the page comes back.
        let lost = page.call("nonsense", json!({})).await?;
        ensure!(lost[2] == "connection_lost", "{era:?}: the lost call: {lost}");
        page.browser.until("seen.opened === 2").await?;
    }
    Ok(())
}
