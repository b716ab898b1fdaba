use std::sync::Arc;

use ::redis::{AsyncConnectionConfig, ConnectionInfo, RedisResult};

use super::{cluster::Cluster, sentinels::Sentinels};

/// Where a connection is made to. It may be another server each time.
#[derive(Debug)]
pub(super) enum Source {
    /// The same server always.
    One(Box<ConnectionInfo>),
    /// Whichever server is the master just then.
    Master(Box<Sentinels>),
    /// Any master of a cluster, another one after each failure.
    AnyOf(Arc<Cluster>),
}

impl Source {
    /// The server to connect to now.
    pub(super) async fn locate(&self, config: &AsyncConnectionConfig) -> RedisResult<ConnectionInfo> {
        match self {
            Self::One(server) => Ok((**server).clone()),
            Self::Master(sentinels) => sentinels.master(config).await,
            Self::AnyOf(cluster) => cluster.any_master().await,
        }
    }

    /// In words, for logs.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::One(server) => server.addr().to_string(),
            Self::Master(sentinels) => sentinels.describe(),
            Self::AnyOf(cluster) => cluster.describe(),
        }
    }
}
