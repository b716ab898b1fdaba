use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use swampdragon_bench::{report::Scale, session_names};

use super::redis_cost::RedisCost;
use crate::redis::{REMEDY, Redis, SESSION_KEY_PREFIX};

const REFRESHES: u32 = 500_000;
const SESSIONS: usize = 10_000;

/// What a refresh costs Redis, in microseconds, when Redis's own load tool sends them 128 at a time for keys that exist.
pub(super) async fn measure(scale: &Scale) -> Result<f64> {
    let redis = Redis::start().await?;
    redis.store_sessions(&session_names(0..SESSIONS), Duration::from_secs(1800)).await?;
    let mut connection = redis.connection().await?;
    let before = RedisCost::of(&mut connection).await?;
    let refreshes = REFRESHES * u32::try_from(scale.rounds.min(2))?;
    let output = Command::new("redis-benchmark")
        .args(["-p", &redis.port().to_string(), "-P", "128", "-q"])
        .args(["-n", &refreshes.to_string(), "-r", &SESSIONS.to_string()])
        .args(["PEXPIRE", &format!("{SESSION_KEY_PREFIX}__rand_int__"), "1800000", "GT"])
        .output()
        .with_context(|| format!("redis-benchmark does not start. {REMEDY}"))?;
    ensure!(output.status.success(), "redis-benchmark failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let cost = RedisCost::of(&mut connection).await?.since(before);
    ensure!(cost.refreshes >= refreshes.into(), "redis-benchmark sent {} refreshes of {refreshes}", cost.refreshes);
    Ok(cost.cpu.as_secs_f64() * 1e6 / cost.refreshes as f64)
}
