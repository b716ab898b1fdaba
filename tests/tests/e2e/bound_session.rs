//! A session that the server knows by the page's cookie: the page names no key, and says when its cookie has changed.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::{browser::Browser, npm, redis::Redis, server::Server, site::Site};

/// Longer than any page hangs on a busy machine.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_login_in_an_open_page_binds_its_session_at_once_and_a_logout_is_told() -> Result<()> {
    let redis = Redis::start().await?;
    redis.store_session("k1", LONG).await?;
    // Another port of the same host: another origin, with the same cookies.
    let site = Site::serve(&npm::apps()?.plain).await?;
    let store = redis.url();
    let flags = [
        ["--session-store", &store],
        ["--session-ttl", "120s"],
        ["--session-layout", "custom"],
        ["--session-cookie", "sid"],
        ["--session-cookie-signature", "none"],
        ["--session-redis-key", "swampdragon:session:{id}"],
        ["--session-cookie-max-age", "3s"],
        ["--heartbeat-interval", "1s"],
        ["--allowed-origins", site.origin()],
    ];
    let server = Server::start(flags.concat().into_iter().chain(["--session-cookie-secure=false"]))?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}/?server={}", site.origin(), server.url())).await?;
    browser.until("seen.heartbeats >= 1").await?;
    ensure!(browser.value("seen.notices").await? == json!([]), "nobody is logged in yet");

    browser.value("void ((document.cookie = 'sid=k1; path=/'), dragon.rebind())").await?;
    browser.until("seen.notices.includes('active')").await?;
    let came_back =
        browser.value("[seen.opened, seen.ends.map(({ code, reconnecting }) => [code, reconnecting])]").await?;
    ensure!(came_back == json!([2, [[1000, true]]]), "{came_back}");
    ensure!(redis.session_life("k1").await?.left()? > LONG, "the session is refreshed");

    // Set anew by the server, the cookie is one that no script can read.
    browser.until("seen.requests.includes('touch') && document.cookie === ''").await?;
    browser.until("seen.requests.filter((name) => name === 'touch').length >= 3").await?;
    ensure!(browser.value("seen.opened").await? == 2, "and it is touched as long as the page is open");

    redis.log_out("k1").await?;
    browser.until("seen.notices.includes('onsessionexpired')").await?;
    ensure!(browser.value("dragon.session").await?.is_null());
    Ok(())
}
