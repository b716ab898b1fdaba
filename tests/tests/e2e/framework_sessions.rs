//! The sessions of other frameworks' apps, kept alive behind a proxy as the guides say: with the real packages, the
//! real cookie and a real browser. The apps are the files that the guides show.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::{
    framework::{
        Framework,
        axum::AXUM,
        django::DJANGO,
        express::EXPRESS,
        flask::FLASK,
        php::PHP,
        stage::{Session, Stage, TTL},
        table::Row,
    },
    redis::Life,
};

#[tokio::test]
async fn express() -> Result<()> {
    live_with_their_page(&EXPRESS, &[]).await
}

#[tokio::test]
async fn php() -> Result<()> {
    live_with_their_page(&PHP, &[]).await
}

#[tokio::test]
async fn axum() -> Result<()> {
    // The app's cookie runs out in the browser when its session does in Redis; one that was set anew may live longer, so
    // that a slow machine makes no difference.
    live_with_their_page(&AXUM, &["--session-cookie-max-age", "12s"]).await
}

#[tokio::test]
async fn django() -> Result<()> {
    live_with_their_page(&DJANGO, &[]).await
}

#[tokio::test]
async fn flask() -> Result<()> {
    live_with_their_page(&FLASK, &[]).await
}

/// All that a framework's guide promises, one after the other in one browser, and a row of the table about it.
async fn live_with_their_page(framework: &'static Framework, flags: &[&str]) -> Result<()> {
    let mut stage = Stage::set(framework, flags).await?;
    let kept = kept_by_heartbeats(&stage).await;
    let tampered = not_kept_by_a_tampered_cookie(&stage).await;
    let logout = told_of_a_logout(&stage).await;
    stage.server.restart_with(&["--heartbeat-enabled=false"])?;
    let unkept = runs_out_without_heartbeats(&stage).await;

    Row::new(framework, [&kept, &unkept, &tampered, &logout])?.print()?;
    kept.and(tampered).and(logout).and(unkept).map(drop)
}

async fn kept_by_heartbeats(stage: &Stage) -> Result<&'static str> {
    let session = stage.log_in().await.context("kept by heartbeats")?;
    let idle_since = Instant::now();
    while idle_since.elapsed() < TTL * 2 {
        let left = stage.redis.key_refreshed(&session.key).await?;
        ensure!(left <= TTL, "refreshed to {left:?}, which the app would not give: {TTL:?}");
    }
    stage.keeps_secret(&session).await?;
    ensure!(stage.is_logged_in().await?, "logged out, although the page was open");
    Ok("logged in")
}

async fn runs_out_without_heartbeats(stage: &Stage) -> Result<&'static str> {
    let session = stage.log_in().await.context("without heartbeats")?;
    stage.redis.key_expires_unrefreshed(&session.key).await?;
    ensure!(stage.browser.value("recorded.sockets.at(-1).readyState").await? == 1, "the page is connected no more");
    ensure!(!stage.is_logged_in().await?, "logged in, although the session has run out");
    Ok("logged out")
}

async fn not_kept_by_a_tampered_cookie(stage: &Stage) -> Result<&'static str> {
    let Stage { framework, redis, .. } = stage;
    for part in if framework.signed { &[Part::Id, Part::Signature][..] } else { &[Part::Id] } {
        let session = stage.log_in().await.context("with a tampered cookie")?;
        let neighbours = Neighbours::of(stage, &session).await?;
        redis.key_refreshed(&session.key).await?;

        let cookie = stage.cookie().await?.value().to_owned();
        stage.connect_with_cookie(part.tampered_with(&cookie, &session)?).await?;
        let mut before = redis.snapshot().await?;
        stage.heartbeats(2).await?;
        redis.key_expires_unrefreshed(&session.key).await?;

        before.remove(&session.key);
        let after = redis.snapshot().await?;
        ensure!(after.iter().all(|(key, entry)| before.get(key) == Some(entry)), "from {before:?} to {after:?}");
        neighbours.are_as_they_were(stage).await?;
        ensure!(!stage.is_logged_in().await?, "logged in with a tampered cookie");
    }
    Ok("not refreshed")
}

async fn told_of_a_logout(stage: &Stage) -> Result<&'static str> {
    let session = stage.log_in().await.context("logged out meanwhile")?;
    stage.redis.key_refreshed(&session.key).await?;
    ensure!(stage.browser.value(TOLD).await? == false, "the page was told of its end before it came");

    stage.log_out_elsewhere().await?;
    stage.browser.until(TOLD).await?;
    ensure!(stage.redis.life(&session.key).await? == Life::Gone, "the app has logged out, and its session is there");
    stage.heartbeats(3).await?;
    ensure!(stage.redis.life(&session.key).await? == Life::Gone, "the session is back");
    stage.keeps_secret(&session).await?;
    Ok("told, not revived")
}

const TOLD: &str = "!document.querySelector('#notice').hidden";

/// What of a cookie is tampered with.
#[derive(Debug, Clone, Copy)]
enum Part {
    Id,
    Signature,
}

impl Part {
    /// The cookie with another character in the middle of this part.
    fn tampered_with(self, cookie: &str, session: &Session) -> Result<String> {
        let start = cookie.find(&session.id).context("the cookie has the session's id")?;
        let (part, length) = match self {
            Self::Id => (start, session.id.len()),
            Self::Signature => (start + session.id.len(), cookie.len() - start - session.id.len()),
        };
        let mut characters: Vec<char> = cookie.chars().collect();
        let middle = characters.get_mut(part + length / 2).context("the cookie has this part")?;
        *middle = if *middle == 'a' { 'b' } else { 'a' };
        Ok(characters.into_iter().collect())
    }
}

/// Keys that are none of this page's business: another session of the app, and other things that it keeps in Redis.
struct Neighbours([(String, Life); 3]);

impl Neighbours {
    async fn of(stage: &Stage, session: &Session) -> Result<Self> {
        let Stage { framework, redis, .. } = stage;
        let other: String = session.id.chars().rev().collect();
        let other = format!("{}{other}", framework.key_prefix);
        let long = 100_000;
        redis.order(redis::cmd("COPY").arg(&session.key).arg(&other)).await?;
        redis.order(redis::cmd("PEXPIRE").arg(&other).arg(long)).await?;
        redis.order(redis::cmd("SET").arg("cache:page").arg("a page").arg("PX").arg(long)).await?;
        redis.order(redis::cmd("SET").arg("settings").arg("for ever")).await?;
        let mut lives =
            [(other, Life::Gone), ("cache:page".to_owned(), Life::Gone), ("settings".to_owned(), Life::Gone)];
        for (key, life) in &mut lives {
            *life = redis.life(key).await?;
        }
        Ok(Self(lives))
    }

    async fn are_as_they_were(&self, stage: &Stage) -> Result<()> {
        for (key, before) in &self.0 {
            let after = stage.redis.life(key).await?;
            let as_it_was = match (before, after) {
                (Life::Expires(before), Life::Expires(after)) => after < *before,
                (before, after) => *before == after,
            };
            ensure!(as_it_was, "{key} was {before:?} and is {after:?}");
            stage.redis.order(redis::cmd("DEL").arg(key)).await?;
        }
        Ok(())
    }
}
