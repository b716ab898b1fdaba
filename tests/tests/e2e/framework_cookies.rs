//! An app's session cookie during the life of a page: it comes later than the page, and it would go sooner.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use redis::AsyncCommands as _;
use swampdragon_tests::{
    deadline::eventually,
    framework::{
        express::EXPRESS,
        stage::{Stage, TTL},
    },
};

#[tokio::test]
async fn a_login_without_loading_anew_is_picked_up_at_once() -> Result<()> {
    let stage = Stage::set(&EXPRESS, &[]).await?;
    stage.open_page("/in-place").await?;
    stage.browser.until("recorded.heard.length > 0").await?;
    ensure!(stage.cookie().await.is_err(), "there is a session before the login");

    stage.submit_login().await?;
    stage.browser.until("!document.querySelector('#welcome').hidden && recorded.sockets.length === 2").await?;
    let session = stage.session_besides(&[]).await?;
    let idle_since = Instant::now();
    while idle_since.elapsed() < TTL * 2 {
        stage.redis.key_refreshed(&session.key).await?;
    }
    stage.keeps_secret(&session).await?;
    ensure!(stage.is_logged_in().await?, "logged out, although the page was open");
    Ok(())
}

/// `cookie.maxAge` of the app: the browser is told so in whole seconds, so it must not be few.
const MAX_AGE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_cookie_with_a_max_age_is_set_anew_and_a_save_by_the_app_ends_nothing() -> Result<()> {
    let seconds = MAX_AGE.as_secs().to_string();
    let max_age = format!("--session-cookie-max-age={seconds}s");
    let stage =
        Stage::set_with(&EXPRESS, &[("COOKIE_SECONDS", &seconds)], &[&max_age, "--session-cookie-secure=false"])
            .await?;
    let session = stage.log_in().await?;
    let idle_since = Instant::now();
    let first = expiry(&stage).await?;
    let value = stage.cookie().await?.value().to_owned();

    eventually("the cookie is set anew", || async { Ok((expiry(&stage).await? > first).then_some(())) }).await?;
    let anew = stage.cookie().await?;
    ensure!(anew.value() == value && anew.http_only() == Some(true), "another cookie than the app's: {anew}");
    while idle_since.elapsed() < MAX_AGE * 3 / 2 {
        let left = stage.redis.key_refreshed(&session.key).await?;
        ensure!(left <= MAX_AGE, "refreshed to {left:?}, and the app gives {MAX_AGE:?}");
    }
    stage.keeps_secret(&session).await?;

    // Past the first maxAge: with the time that stood in the session then, the store would delete it now.
    let (before, draft) = ("globalThis.before = true", "document.querySelector('#draft textarea').value = 'So much!'");
    stage.browser.value(&format!("{before}, {draft}")).await?;
    stage.browser.click("#draft button").await?;
    stage.browser.until("globalThis.before === undefined && document.readyState === 'complete'").await?;
    ensure!(stage.is_logged_in().await?, "the app's own save has ended the session");
    let saved: String = stage.redis.connection().await?.get(&session.key).await?;
    ensure!(saved.contains("So much!"), "not saved: {saved}");
    Ok(())
}

/// Until when the browser keeps the session's cookie, in seconds since 1970.
async fn expiry(stage: &Stage) -> Result<i64> {
    let expires = stage.cookie().await?.expires_datetime().context("the cookie has no Max-Age")?;
    Ok(expires.unix_timestamp())
}
