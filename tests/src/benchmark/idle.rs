use std::time::{Duration, Instant};

use anyhow::Result;
use swampdragon_bench::{Load, Memory, session_names};
use tokio::time::sleep;

use super::{
    peer::{Peer, Running},
    scene::{NO_HEARTBEATS, SETTLE, all_open, microseconds, none_lost, pages},
};
use crate::redis::Redis;

/// Opened and closed before the first look, so that what a server has once for all does not count.
const WARM_UP: usize = 100;

/// A server with connections on which nothing has been sent but what opening takes.
pub(super) struct Idle {
    peer: Peer,
    server: Running,
    _redis: Redis,
    before: Memory,
    loads: Vec<Load>,
    count: usize,
}

/// What opening connections cost.
pub(super) struct Opening {
    pub(super) per_second: f64,
    /// Microseconds for one.
    pub(super) cpu: f64,
}

/// Bytes for each connection.
pub(super) struct Each {
    pub(super) resident: f64,
    pub(super) proportional: f64,
}

impl Idle {
    pub(super) async fn start(peer: Peer) -> Result<Self> {
        let redis = Redis::start().await?;
        let server = peer.start(&redis, NO_HEARTBEATS)?;
        let warm_up = pages(peer, &server, 0, session_names(0..WARM_UP), Duration::ZERO);
        all_open(&warm_up, WARM_UP).await?;
        drop(warm_up);
        sleep(SETTLE).await;
        let before = server.group().memory()?;
        Ok(Self { peer, server, _redis: redis, before, loads: Vec::new(), count: 0 })
    }

    /// Opens more, until there are so many.
    pub(super) async fn grow_to(&mut self, count: usize) -> Result<Opening> {
        let more = count.saturating_sub(self.count);
        let (cpu, start) = (self.server.group().cpu()?, Instant::now());
        let load = pages(self.peer, &self.server, self.count, session_names(self.count..count), Duration::ZERO);
        all_open(&load, more).await?;
        let took = start.elapsed();
        sleep(SETTLE).await;
        let spent = self.server.group().cpu()?.saturating_sub(cpu);
        self.loads.push(load);
        self.count = count;
        self.loads.iter().try_for_each(none_lost)?;
        Ok(Opening { per_second: more as f64 / took.as_secs_f64(), cpu: microseconds(spent) / more as f64 })
    }

    /// What the server has more than before it had any.
    pub(super) fn memory(&self) -> Result<Each> {
        let after = self.server.group().memory()?;
        let each = |after: u64, before: u64| (after as f64 - before as f64) / self.count as f64;
        Ok(Each {
            resident: each(after.resident, self.before.resident),
            proportional: each(after.proportional, self.before.proportional),
        })
    }
}
