//! Somebody who knows a session's key, or guesses, wants more of it than its owner would.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::{
    deadline::PATIENCE,
    redis::{Life, SESSION_KEY_PREFIX},
};

use super::{Target, VICTIM, attack};

/// How often Redis was asked to do any of this.
async fn asked(target: &Target, commands: &[&str]) -> Result<u64> {
    let calls = target.redis.calls().await?;
    Ok(commands.iter().filter_map(|command| calls.get(*command)).sum())
}

#[tokio::test]
async fn more_sessions_than_one_connection_may_have() -> Result<()> {
    attack(&["--max-keys-per-connection", "2"], async |target| {
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        for (session, state) in [("long", "active"), ("persistent", "persistent")] {
            let notice = socket.answer(session).await?;
            ensure!(notice["state"] == state, "the notice is {notice}");
        }
        let reason = "too many sessions on one connection: max_keys_per_connection is 2";
        let refused = json!({ "session": VICTIM, "state": "refused", "reason": reason });
        for notice in [socket.answer(VICTIM).await?, socket.log_out(VICTIM).await?] {
            ensure!(notice == refused, "the notice is {notice}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn refreshes_without_pause() -> Result<()> {
    attack(&["--min-refresh-interval", "1h", "--heartbeat-first-delay", "1h"], async |target| {
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        let before = asked(&target, &["pexpire"]).await?;
        let notice = socket.answer("long").await?;
        ensure!(notice["state"] == "active", "the notice is {notice}");
        for _ in 0..50 {
            let notice = socket.answer("long").await?;
            ensure!(notice["state"] == "refused", "the notice is {notice}");
        }
        let times = asked(&target, &["pexpire"]).await? - before;
        ensure!(times == 1, "Redis was asked {times} times");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_stolen_key_that_is_answered_with_for_ever() -> Result<()> {
    let settings = [
        ["--session-ttl", "2s"],
        ["--session-max-age", "4s"],
        ["--heartbeat-interval", "1s"],
        ["--min-refresh-interval", "0s"],
    ];
    attack(settings.as_flattened(), async |target| {
        target.redis.store_session("stolen", Duration::from_secs(2)).await?;
        let stolen = Instant::now();
        let mut thief = target.websocket("/data/websocket", &[]).await?;
        let mut lived = Duration::ZERO;
        loop {
            let notice = thief.answer("stolen").await?;
            match notice["state"].as_str() {
                Some("active" | "expiring") => lived = stolen.elapsed(),
                Some("expired") => break,
                _ => anyhow::bail!("the notice is {notice}"),
            }
            ensure!(stolen.elapsed() < PATIENCE, "it lives for ever");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(lived > Duration::from_secs(3), "it died after {lived:?}, of no age");
        ensure!(target.redis.session_life("stolen").await? == Life::Gone, "Redis has it still");
        // Beside it stood when it had to end. That goes with it where an answer comes in its last moment, and else by
        // itself some minutes later.
        let end = format!("{SESSION_KEY_PREFIX}?age:stolen");
        ensure!(target.redis.life(&end).await? != Life::Persistent, "the mark of its end stays for ever");
        target.redis.order(redis::cmd("DEL").arg(end)).await?;
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn logouts_of_keys_that_are_none() -> Result<()> {
    attack(&[], async |target| {
        for (key, state) in [
            ("", "refused"),
            ("*", "refused"),
            ("other:session:k1", "refused"),
            ("k1\r\nDEL config\r\n", "refused"),
            ("?age:long", "refused"),
            ("config", "expired"),
            ("unknown", "expired"),
        ] {
            let notice = target.websocket("/data/websocket", &[]).await?.log_out(key).await?;
            ensure!(notice["state"] == state, "{key:?} was answered {notice}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn guessing_keys_by_logouts() -> Result<()> {
    attack(&["--min-refresh-interval", "1h", "--max-keys-per-connection", "1000"], async |target| {
        let deletions = ["del", "unlink"];
        let before = asked(&target, &deletions).await?;
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        for number in 0..50 {
            let notice = socket.log_out(&format!("guess-{number}")).await?;
            let state = if number == 0 { "expired" } else { "refused" };
            ensure!(notice["state"] == state, "logout {number} was answered {notice}");
        }
        let notice = socket.log_out(VICTIM).await?;
        ensure!(notice["reason"] == "a logout came a moment ago", "the notice is {notice}");
        let times = asked(&target, &deletions).await? - before;
        ensure!(times <= 1, "Redis was asked {times} times");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_session_that_its_owner_has_ended() -> Result<()> {
    attack(&["--min-refresh-interval", "0s"], async |target| {
        target.redis.store_session("stolen", Duration::from_secs(60)).await?;
        let mut thief = target.websocket("/data/websocket", &[]).await?;
        let mut owner = target.websocket("/data/websocket", &[]).await?;
        for socket in [&mut thief, &mut owner] {
            let notice = socket.answer("stolen").await?;
            ensure!(notice["state"] == "active", "the notice is {notice}");
        }
        let notice = owner.log_out("stolen").await?;
        ensure!(notice["state"] == "expired", "the notice is {notice}");
        let code = thief.close_code().await?;
        ensure!(code == 4001, "the thief's connection ended with {code}");
        let mut thief = target.websocket("/data/websocket", &[]).await?;
        for _ in 0..3 {
            let notice = thief.answer("stolen").await?;
            ensure!(notice["state"] == "expired", "the thief was answered {notice}");
        }
        ensure!(target.redis.session_life("stolen").await? == Life::Gone, "Redis has it again");
        Ok(target)
    })
    .await
}
