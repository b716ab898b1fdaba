use std::{fmt, time::Duration};

use anyhow::Result;
use tokio::time::sleep;

use super::{HEARTBEAT, OUTAGE, TTL, sessions::Moment, stage::Stage, store::Deployment};

/// How long a node may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// What may happen to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: what the others are compared with.
    None,
    /// Redis crashes and comes back with its data.
    RedisKilled,
    /// Redis does nothing for a while; its connections stand.
    RedisStopped,
    /// Redis is told to let its clients wait.
    RedisPaused,
    /// Redis drops all its clients.
    RedisDropsClients,
    /// Redis loses everything.
    RedisEmptied,
    /// The master crashes, and the sentinels make its replica the master.
    SentinelFailover,
    /// One of a cluster's masters crashes, and its replica takes its place.
    ClusterFailover,
    /// One of the nodes crashes and stays away.
    NodeKilled,
    /// One of the nodes does nothing for a while.
    NodeStopped,
    /// One node after the other is restarted as on an upgrade.
    NodesRolled,
    /// All nodes are restarted at once.
    NodesRestarted,
    /// All nodes crash and are started again.
    NodesKilled,
    /// The network resets every connection of the pages.
    ConnectionsCut,
}

/// When a fault was.
pub(super) struct Past {
    /// From then on nothing is amiss any more.
    pub(super) over: Moment,
    /// Until then nobody could have refreshed a session.
    pub(super) hopeless_until: Moment,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::None,
        Self::RedisKilled,
        Self::RedisStopped,
        Self::RedisPaused,
        Self::RedisDropsClients,
        Self::RedisEmptied,
        Self::SentinelFailover,
        Self::ClusterFailover,
        Self::NodeKilled,
        Self::NodeStopped,
        Self::NodesRolled,
        Self::NodesRestarted,
        Self::NodesKilled,
        Self::ConnectionsCut,
    ];

    /// Lets it happen, and returns when it is over.
    pub(super) async fn happen(self, stage: &mut Stage) -> Result<Past> {
        let began = Moment::now();
        match self {
            // Sessions that nobody keeps would be gone then.
            Self::None => sleep(TTL + HEARTBEAT).await,
            Self::RedisKilled => {
                stage.store.first().kill();
                sleep(OUTAGE).await;
                stage.store.first().restart().await?;
            }
            Self::RedisStopped => {
                stage.store.first().pause()?;
                sleep(OUTAGE).await;
                stage.store.first().resume()?;
            }
            Self::RedisPaused => {
                let milliseconds = u64::try_from(OUTAGE.as_millis())?;
                stage.store.first().order(redis::cmd("CLIENT").arg("PAUSE").arg(milliseconds).arg("ALL")).await?;
                sleep(OUTAGE).await;
            }
            Self::RedisDropsClients => {
                for kind in ["normal", "pubsub"] {
                    stage.store.first().order(redis::cmd("CLIENT").arg(&["KILL", "TYPE", kind])).await?;
                }
            }
            Self::RedisEmptied => stage.store.first().restart_empty().await?,
            Self::SentinelFailover | Self::ClusterFailover => {
                stage.store.first().kill();
                stage.store.failed_over().await?;
            }
            Self::NodeKilled => stage.nodes[0].kill(),
            Self::NodeStopped => {
                stage.nodes[0].pause()?;
                sleep(OUTAGE).await;
                stage.nodes[0].resume()?;
            }
            Self::NodesRolled => {
                for node in &mut stage.nodes {
                    node.terminate()?;
                    node.ended(PATIENCE)?;
                    node.restart()?;
                }
            }
            Self::NodesRestarted => {
                stage.nodes.iter().try_for_each(|node| node.terminate())?;
                for node in &mut stage.nodes {
                    node.ended(PATIENCE)?;
                    node.restart()?;
                }
            }
            Self::NodesKilled => {
                stage.nodes.iter_mut().for_each(|node| node.kill());
                for node in &mut stage.nodes {
                    node.restart()?;
                }
            }
            Self::ConnectionsCut => stage.load.cut(),
        }
        let over = Moment::now();
        Ok(Past { over, hopeless_until: if self.leaves_a_way() { began } else { over } })
    }

    /// What it happens to.
    pub(super) fn deployment(self) -> Deployment {
        match self {
            Self::SentinelFailover => Deployment::Sentinels,
            Self::ClusterFailover => Deployment::Cluster,
            _ => Deployment::Standalone,
        }
    }

    /// Whether the sessions themselves are lost with it.
    pub(super) fn empties_redis(self) -> bool {
        self == Self::RedisEmptied
    }

    /// Whether what Redis has counted is lost with it.
    pub(super) fn ends_redis(self) -> bool {
        matches!(self, Self::RedisKilled | Self::RedisEmptied | Self::SentinelFailover | Self::ClusterFailover)
    }

    /// Whether pages can have their sessions refreshed all the while.
    fn leaves_a_way(self) -> bool {
        matches!(self, Self::None | Self::NodeKilled | Self::NodeStopped | Self::NodesRolled | Self::ConnectionsCut)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let away = OUTAGE.as_secs();
        match self {
            Self::None => f.pad("none"),
            Self::RedisKilled => f.pad(&format!("Redis: kill -9, back with its data after {away} s")),
            Self::RedisStopped => f.pad(&format!("Redis: SIGSTOP for {away} s")),
            Self::RedisPaused => f.pad(&format!("Redis: CLIENT PAUSE for {away} s")),
            Self::RedisDropsClients => f.pad("Redis: CLIENT KILL of all"),
            Self::RedisEmptied => f.pad("Redis: kill -9, back empty"),
            Self::SentinelFailover => f.pad("Redis Sentinel: kill -9 of the master"),
            Self::ClusterFailover => f.pad("Redis Cluster: kill -9 of a master"),
            Self::NodeKilled => f.pad("one node of two: kill -9, stays away"),
            Self::NodeStopped => f.pad(&format!("one node of two: SIGSTOP for {away} s")),
            Self::NodesRolled => f.pad("nodes: restarted one by one"),
            Self::NodesRestarted => f.pad("nodes: restarted all at once"),
            Self::NodesKilled => f.pad("nodes: kill -9 of all, started again"),
            Self::ConnectionsCut => f.pad("network: every connection reset"),
        }
    }
}
