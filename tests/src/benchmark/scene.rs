use std::time::Duration;

use anyhow::{Result, ensure};
use redis::aio::MultiplexedConnection;
use swampdragon_bench::{Load, Plan, session_names};
use swampdragon_client::Config;
use tokio::time::sleep;

use super::{
    peer::{Peer, Running},
    redis_cost::RedisCost,
};
use crate::{deadline::within, redis::Redis};

/// So long that none comes while something else is measured.
pub(super) const NO_HEARTBEATS: Duration = Duration::from_secs(600);

/// A moment for a server to finish what the last event began.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// Longer than the slowest peer takes to open all connections.
pub(super) const OPENED: Duration = Duration::from_secs(180);

/// At least so long is measured what takes the CPU little.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// Handshakes at once.
const OPENING: usize = 64;

/// So long live sessions that nobody loses meanwhile.
const TTL: Duration = Duration::from_secs(1800);

/// A server with its pages, and Redis with their sessions.
pub(super) struct Scene {
    pub(super) redis: Redis,
    connection: MultiplexedConnection,
    server: Running,
    pub(super) load: Load,
}

/// What full trips have cost.
pub(super) struct Trips {
    /// So many there were.
    pub(super) count: f64,
    /// The server's, for each, in microseconds.
    pub(super) cpu: f64,
    pub(super) redis: RedisCost,
}

impl Scene {
    /// Connects so many pages, spread over that time, with a heartbeat every `interval`.
    pub(super) async fn set(peer: Peer, count: usize, interval: Duration, ramp: Duration) -> Result<Self> {
        let sessions = session_names(0..count);
        let (redis, connection) = redis(&sessions).await?;
        let server = peer.start(&redis, interval)?;
        let load = pages(peer, &server, 0, sessions, ramp);
        all_open(&load, count).await?;
        Ok(Self { redis, connection, server, load })
    }

    /// Measures the full trips of so long a time.
    pub(super) async fn trips(&mut self, length: Duration) -> Result<Trips> {
        let (cpu, answers) = (self.server.group().cpu()?, self.load.counted().answers);
        let redis = RedisCost::of(&mut self.connection).await?;
        sleep(length).await;
        let spent = self.server.group().cpu()?.saturating_sub(cpu);
        let count = (self.load.counted().answers - answers) as f64;
        ensure!(count > 0.0, "no heartbeat was answered");
        let redis = RedisCost::of(&mut self.connection).await?.since(redis);
        Ok(Trips { count, cpu: microseconds(spent) / count, redis })
    }

    /// An error when connections were lost meanwhile: what was measured then means nothing.
    pub(super) fn is_whole(&self) -> Result<()> {
        none_lost(&self.load)
    }
}

/// A Redis that has these sessions, with a connection to look at it.
pub(super) async fn redis(sessions: &[String]) -> Result<(Redis, MultiplexedConnection)> {
    let redis = Redis::start().await?;
    redis.store_sessions(sessions, TTL).await?;
    let connection = redis.connection().await?;
    Ok((redis, connection))
}

/// Begins to connect pages, the first of which has that number.
pub(super) fn pages(peer: Peer, running: &Running, first: usize, sessions: Vec<String>, ramp: Duration) -> Load {
    Load::start(Plan {
        servers: vec![running.address],
        wire: peer.wire(),
        prefix: peer.prefix().to_owned(),
        first,
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

pub(super) async fn all_open(load: &Load, count: usize) -> Result<()> {
    within(OPENED, "all connections are open", || async { Ok((load.counted().open() >= count as u64).then_some(())) })
        .await
}

/// An error when connections were lost meanwhile: what was measured then means nothing.
pub(super) fn none_lost(load: &Load) -> Result<()> {
    let counted = load.counted();
    ensure!(counted.ended == 0 && counted.failed == 0, "{} ended, {} failed", counted.ended, counted.failed);
    Ok(())
}

pub(super) fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
