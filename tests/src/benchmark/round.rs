use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;
use swampdragon_bench::{
    Flood, Load, median, percentile,
    report::{Figure, Figures, Scale},
    session_names,
};
use tokio::time::sleep;

use super::{
    idle::Idle,
    peer::Peer,
    redis_cost::RedisCost,
    scene::{self, NO_HEARTBEATS, SETTLE, Scene, WINDOW, microseconds, milliseconds},
};
use crate::redis::{Redis, SESSION_KEY_PREFIX};

/// Measures all of one peer, and tells what failed.
pub(super) async fn measure(peer: Peer, scale: &Scale, figures: &mut Figures) -> Vec<String> {
    let mut failures = Vec::new();
    note("idle connections", idle(peer, scale, figures), &mut failures).await;
    note("full trips", trips(peer, scale, figures), &mut failures).await;
    note("heartbeats due at once", burst(peer, scale, figures), &mut failures).await;
    note("flood", flood(peer, scale, figures), &mut failures).await;
    failures
}

pub(super) async fn note(what: &str, measuring: impl Future<Output = Result<()>>, failures: &mut Vec<String>) {
    if let Err(error) = measuring.await {
        let failure = format!("{what}: {error:#}");
        eprintln!("    {failure}");
        failures.push(failure);
    }
}

async fn idle(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut idle = Idle::start(peer).await?;
    let [fewer, more] = scale.idle;
    idle.grow_to(fewer).await?;
    let each = idle.memory()?;
    figures.set(Figure::FewerResident, Some(each.resident));
    figures.set(Figure::FewerProportional, Some(each.proportional));
    let opening = idle.grow_to(more).await?;
    let each = idle.memory()?;
    figures.set(Figure::MoreResident, Some(each.resident));
    figures.set(Figure::MoreProportional, Some(each.proportional));
    figures.set(Figure::ConnectRate, Some(opening.per_second));
    figures.set(Figure::ConnectCpu, Some(opening.cpu));
    Ok(())
}

async fn trips(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let interval = Duration::from_secs(scale.trip_interval);
    let mut scene = Scene::set(peer, scale.trips, interval, interval).await?;
    // Each has been answered for once.
    sleep(interval + SETTLE).await;

    scene.load.record();
    let trips = scene.trips(WINDOW.max(interval * 2)).await?;
    let late = lateness(&scene.load.recorded().intervals, interval);
    figures.set(Figure::TripCpu, Some(trips.cpu));
    figures.set(Figure::TripRedisCpu, Some(microseconds(trips.redis.cpu) / trips.count));
    figures.set(Figure::TripCommands, Some(trips.redis.commands as f64 / trips.count));
    figures.set(Figure::LatenessP50, percentile(&late, 0.5));
    figures.set(Figure::LatenessP99, percentile(&late, 0.99));
    let delays = refresh_delays(&scene.redis, &scene.load, interval).await?;
    figures.set(Figure::DelayP50, median(&delays));
    figures.set(Figure::DelayP99, percentile(&delays, 0.99));
    scene.is_whole()
}

/// By how many milliseconds the intervals were too long; those that were not, by none.
fn lateness(intervals: &[Duration], interval: Duration) -> Vec<f64> {
    intervals.iter().map(|it| milliseconds(it.saturating_sub(interval))).collect()
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
    Ok(load.recorded().delays(&refreshes).iter().copied().map(milliseconds).collect())
}

async fn burst(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let interval = Duration::from_secs(scale.burst_interval);
    let scene = Scene::set(peer, scale.burst, interval, Duration::ZERO).await?;
    scene.load.record();
    // Of each connection at least one heartbeat and the next.
    sleep(interval * 2 + SETTLE).await;
    let late = lateness(&scene.load.recorded().intervals, interval);
    figures.set(Figure::BurstLatenessP99, percentile(&late, 0.99));
    scene.is_whole()
}

async fn flood(peer: Peer, scale: &Scale, figures: &mut Figures) -> Result<()> {
    let sessions = session_names(0..scale.flood);
    let (redis, mut connection) = scene::redis(&sessions).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_early_heartbeat_is_not_late() {
        let intervals = [990, 1000, 1005].map(Duration::from_millis);
        assert_eq!(lateness(&intervals, Duration::from_secs(1)), [0.0, 0.0, 5.0]);
    }
}
