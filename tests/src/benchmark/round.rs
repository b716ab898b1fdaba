use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;
use swampdragon_bench::{
    Flood, Load, Plan, median, percentile,
    report::{Figure, Figures, Scale},
};
use swampdragon_client::Config;
use tokio::time::sleep;

use super::{
    peer::{Peer, Running},
    redis_cost::RedisCost,
};
use crate::{
    deadline::within,
    redis::{Redis, SESSION_KEY_PREFIX},
};

/// So long that none comes while something else is measured.
const NO_HEARTBEATS: Duration = Duration::from_secs(600);

/// Opened and closed before the first look, so that what a server has once for all does not count.
const WARM_UP: usize = 100;

/// Handshakes at once.
const OPENING: usize = 64;

/// A moment for a server to finish what the last event began.
const SETTLE: Duration = Duration::from_secs(2);

/// Longer than the slowest peer takes to open all connections.
const OPENED: Duration = Duration::from_secs(180);

/// At least so long is measured what takes the CPU little.
const WINDOW: Duration = Duration::from_secs(10);

/// Measures all of one peer, and tells what failed.
pub(super) async fn measure(peer: Peer, scale: &Scale, figures: &mut Figures) -> Vec<String> {
    let mut failures = Vec::new();
    let [fewer, more] = scale.idle;
    let few = async {
        let idle = idle(peer, fewer).await?;
        figures.set(Figure::FewerResident, Some(idle.resident));
        figures.set(Figure::FewerProportional, Some(idle.proportional));
        Ok(())
    };
    note("idle connections", few, &mut failures).await;
    let many = async {
        let idle = idle(peer, more).await?;
        figures.set(Figure::MoreResident, Some(idle.resident));
        figures.set(Figure::MoreProportional, Some(idle.proportional));
        figures.set(Figure::ConnectRate, Some(idle.opened_per_second));
        figures.set(Figure::ConnectCpu, Some(idle.cpu));
        Ok(())
    };
    note("many idle connections", many, &mut failures).await;
    note("full trips", trips(peer, scale, figures), &mut failures).await;
    note("heartbeats due at once", burst(peer, scale, figures), &mut failures).await;
    note("flood", flood(peer, scale, figures), &mut failures).await;
    failures
}

async fn note(what: &str, measuring: impl Future<Output = Result<()>>, failures: &mut Vec<String>) {
    eprintln!("    {what}");
    if let Err(error) = measuring.await {
        failures.push(format!("{what}: {error:#}"));
    }
}

/// Names of sessions, as long as `redis-benchmark` makes them.
pub(super) fn sessions(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:012}")).collect()
}

/// A Redis that has these sessions, with a connection to look at it.
async fn redis(sessions: &[String]) -> Result<(Redis, MultiplexedConnection)> {
    let redis = Redis::start().await?;
    redis.store_sessions(sessions, Duration::from_secs(1800)).await?;
    let connection = redis.connection().await?;
    Ok((redis, connection))
}

fn pages(peer: Peer, running: &Running, sessions: Vec<String>, ramp: Duration) -> Load {
    Load::start(Plan {
        servers: vec![running.address],
        wire: peer.wire(),
        prefix: peer.prefix().to_owned(),
        sessions,
        // Waiting for a turn to open counts, and silence is no fault here.
        config: Config {
            connect_timeout_ms: u32::try_from(OPENED.as_millis()).unwrap_or(u32::MAX),
            silence_timeout_ms: 0,
            ..Config::default()
        },
        ramp,
        opening: OPENING,
        stay: None,
    })
}

async fn all_open(load: &Load, count: usize) -> Result<()> {
    within(OPENED, "all connections are open", || async { Ok((load.counted().open() >= count as u64).then_some(())) })
        .await
}

/// An error when connections were lost meanwhile: what was measured then means nothing.
fn none_lost(load: &Load) -> Result<()> {
    let counted = load.counted();
    ensure!(counted.ended == 0 && counted.failed == 0, "{} ended, {} failed", counted.ended, counted.failed);
    Ok(())
}

/// What idle connections cost.
pub(super) struct Idle {
    /// Bytes each.
    pub(super) resident: f64,
    /// Bytes each, shared ones by share.
    proportional: f64,
    opened_per_second: f64,
    /// Microseconds for opening one.
    cpu: f64,
}

pub(super) async fn idle(peer: Peer, count: usize) -> Result<Idle> {
    let redis = Redis::start().await?;
    let server = peer.start(&redis, NO_HEARTBEATS)?;
    let warm_up = pages(peer, &server, sessions(WARM_UP), Duration::ZERO);
    all_open(&warm_up, WARM_UP).await?;
    drop(warm_up);
    sleep(SETTLE).await;

    let (memory, cpu) = (server.group().memory()?, server.group().cpu()?);
    let start = Instant::now();
    let load = pages(peer, &server, sessions(count), Duration::ZERO);
    all_open(&load, count).await?;
    let took = start.elapsed();
    sleep(SETTLE).await;
    let spent = server.group().cpu()?.saturating_sub(cpu);
    let after = server.group().memory()?;
    none_lost(&load)?;

    let each = |after: u64, before: u64| (after as f64 - before as f64) / count as f64;
    Ok(Idle {
        resident: each(after.resident, memory.resident),
        proportional: each(after.proportional, memory.proportional),
        opened_per_second: count as f64 / took.as_secs_f64(),
        cpu: microseconds(spent) / count as f64,
    })
}

async fn trips(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let interval = Duration::from_secs(scale.trip_interval);
    let sessions = sessions(scale.trips);
    let (redis, mut connection) = redis(&sessions).await?;
    let server = peer.start(&redis, interval)?;
    let load = pages(peer, &server, sessions, interval);
    all_open(&load, scale.trips).await?;
    // Each has been answered for once.
    sleep(interval + SETTLE).await;

    load.record();
    let (cpu, answers) = (server.group().cpu()?, load.counted().answers);
    let cost = RedisCost::of(&mut connection).await?;
    sleep(WINDOW.max(interval * 2)).await;
    let spent = server.group().cpu()?.saturating_sub(cpu);
    let trips = (load.counted().answers - answers) as f64;
    let cost = RedisCost::of(&mut connection).await?.since(cost);
    let late = lateness(&load.recorded().intervals, interval);
    ensure!(trips > 0.0, "no heartbeat was answered");

    figures.set(Figure::TripCpu, Some(microseconds(spent) / trips));
    figures.set(Figure::TripRedisCpu, Some(microseconds(cost.cpu) / trips));
    figures.set(Figure::TripCommands, Some(cost.commands as f64 / trips));
    figures.set(Figure::LatenessP50, percentile(&late, 0.5));
    figures.set(Figure::LatenessP99, percentile(&late, 0.99));
    let delays = refresh_delays(&redis, &load, interval).await?;
    figures.set(Figure::DelayP50, median(&delays));
    figures.set(Figure::DelayP99, percentile(&delays, 0.99));
    none_lost(&load)
}

/// By how many milliseconds the intervals were too long; those that were not, by none.
fn lateness(intervals: &[Duration], interval: Duration) -> Vec<f64> {
    intervals.iter().map(|it| it.saturating_sub(interval).as_secs_f64() * 1000.0).collect()
}

/// From each answer until Redis says that it has extended that session's life, in milliseconds.
///
/// Saying so costs Redis CPU, so this comes after that has been measured.
async fn refresh_delays(redis: &Redis, load: &Load, length: Duration) -> Result<Vec<f64>> {
    redis.order(redis::cmd("CONFIG").arg(&["SET", "notify-keyspace-events", "Eg"])).await?;
    let (mut sink, mut notices) = redis::Client::open(redis.url())?.get_async_pubsub().await?.split();
    sink.subscribe("__keyevent@0__:expire").await?;
    load.record();
    let mut refreshes = Vec::new();
    // The last answers have a second for their refreshes.
    let end = Instant::now() + length + Duration::from_secs(1);
    while let Ok(notice) = tokio::time::timeout_at(end.into(), notices.next()).await {
        let key: String = notice.context("Redis ended the subscription")?.get_payload()?;
        if let Some(session) = key.strip_prefix(SESSION_KEY_PREFIX) {
            refreshes.push((session.to_owned(), Instant::now()));
        }
    }
    Ok(load.recorded().delays(&refreshes).iter().map(|delay| delay.as_secs_f64() * 1000.0).collect())
}

async fn burst(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let interval = Duration::from_secs(scale.burst_interval);
    let sessions = sessions(scale.burst);
    let (redis, _connection) = redis(&sessions).await?;
    let server = peer.start(&redis, interval)?;
    let load = pages(peer, &server, sessions, Duration::ZERO);
    all_open(&load, scale.burst).await?;
    load.record();
    // Of each connection the first heartbeat and the two after it.
    sleep(interval * 3 + SETTLE).await;
    let late = lateness(&load.recorded().intervals, interval);
    figures.set(Figure::BurstLatenessP99, percentile(&late, 0.99));
    none_lost(&load)
}

async fn flood(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let sessions = sessions(scale.flood);
    let (redis, mut connection) = redis(&sessions).await?;
    let server = peer.start(&redis, NO_HEARTBEATS)?;
    let mut flood = Flood::open(server.address, peer.wire(), peer.prefix(), &sessions).await?;
    sleep(SETTLE).await;

    let (cpu, start) = (server.group().cpu()?, Instant::now());
    let before = RedisCost::of(&mut connection).await?;
    let answers = flood.run(Duration::from_secs(scale.flood_length)).await? as f64;
    let took = start.elapsed();
    let cost = settled(&mut connection).await?.since(before);
    let spent = server.group().cpu()?.saturating_sub(cpu);
    ensure!(cost.refreshes > 0, "no answer became a refresh");

    figures.set(Figure::FloodCpu, Some(microseconds(spent) / answers));
    figures.set(Figure::FloodRate, Some(answers / took.as_secs_f64()));
    figures.set(Figure::FloodRedisCpu, Some(microseconds(cost.cpu) / cost.refreshes as f64));
    figures.set(Figure::FloodRefreshes, Some(cost.refreshes as f64 / answers));
    Ok(())
}

/// What Redis has done when no more refreshes come: a server may have some in hand when it has read the last answer.
async fn settled(connection: &mut MultiplexedConnection) -> Result<RedisCost> {
    let mut last = RedisCost::of(connection).await?;
    loop {
        sleep(Duration::from_millis(250)).await;
        let now = RedisCost::of(connection).await?;
        if now.refreshes == last.refreshes {
            return Ok(now);
        }
        last = now;
    }
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_early_heartbeat_is_not_late() {
        let intervals = [990, 1000, 1005].map(Duration::from_millis);
        assert_eq!(lateness(&intervals, Duration::from_secs(1)), [0.0, 0.0, 5.0]);
    }
}
