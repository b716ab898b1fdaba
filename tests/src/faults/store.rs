use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use redis::{AsyncCommands as _, ErrorKind, ServerErrorKind, aio::MultiplexedConnection};

use crate::{
    deadline::eventually,
    process::{Process, free_port},
    redis::{REMEDY, Redis, SESSION_KEY_PREFIX},
};

/// What the sentinels call their master.
const MASTER: &str = "sessions";

/// The commands by which nodes refresh sessions.
const REFRESHING: [&str; 4] = ["pexpire", "pttl", "eval", "evalsha"];

/// What a member of a cluster answers about keys of another.
const MOVED: ErrorKind = ErrorKind::Server(ServerErrorKind::Moved);

/// How Redis is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deployment {
    /// One server, which keeps what it holds when it ends.
    Standalone,
    /// A master, its replica, and three sentinels.
    Sentinels,
    /// A cluster of three masters, and a replica of the first.
    Cluster,
}

/// The servers where the sessions are.
pub(super) struct Store {
    servers: Vec<Redis>,
    url: String,
    _sentinels: Vec<(Process, tempfile::TempDir)>,
}

impl Store {
    pub(super) async fn start(deployment: Deployment) -> Result<Self> {
        match deployment {
            Deployment::Standalone => {
                let redis = Redis::start_persistent().await?;
                Ok(Self { url: redis.url(), servers: vec![redis], _sentinels: Vec::new() })
            }
            Deployment::Sentinels => Self::start_sentinels().await,
            Deployment::Cluster => Self::start_cluster().await,
        }
    }

    async fn start_sentinels() -> Result<Self> {
        let master = Redis::start_with(&[]).await?;
        let port = master.port().to_string();
        let replica =
            Redis::start_with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]).await?;
        until(&replica, &["INFO", "replication"], "master_link_status:up").await?;
        let (mut sentinels, mut ports) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (folder, port) = (tempfile::tempdir()?, free_port()?);
            let file = folder.path().join("sentinel.conf");
            // They write into it what they learn.
            let settings = format!(
                "port {port}\ndir {}\nsentinel monitor {MASTER} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 1000\n",
                folder.path().display(),
                master.port()
            );
            fs::write(&file, settings)?;
            let mut command = Command::new("redis-server");
            command.arg(&file).arg("--sentinel");
            sentinels.push((Process::start(command, REMEDY)?, folder));
            ports.push(port);
        }
        for port in &ports {
            eventually("the sentinels know each other and the replica", || async {
                let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
                let mut sentinel = client.get_multiplexed_async_connection().await?;
                let replicas: Vec<redis::Value> =
                    redis::cmd("SENTINEL").arg(&["REPLICAS", MASTER]).query_async(&mut sentinel).await?;
                let quorum: String =
                    redis::cmd("SENTINEL").arg(&["CKQUORUM", MASTER]).query_async(&mut sentinel).await?;
                Ok((replicas.len() == 1 && quorum.starts_with("OK 3")).then_some(()))
            })
            .await?;
        }
        let addresses: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let url = format!("redis+sentinel://{}/{MASTER}", addresses.join(","));
        Ok(Self { servers: vec![master, replica], url, _sentinels: sentinels })
    }

    async fn start_cluster() -> Result<Self> {
        let mut servers = Vec::new();
        for number in 0..4 {
            let bus = free_port()?.to_string();
            let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
            let server = Redis::start_with(&[&arguments[..], &["--repl-diskless-sync-delay", "0"]].concat()).await?;
            let epoch = (number + 1).to_string();
            server.order(redis::cmd("CLUSTER").arg(&["SET-CONFIG-EPOCH", &epoch])).await?;
            servers.push((server, bus));
        }
        let ranges = [["0", "5460"], ["5461", "10921"], ["10922", "16383"]];
        for ((server, _), [first, last]) in servers.iter().zip(ranges) {
            server.order(redis::cmd("CLUSTER").arg(&["ADDSLOTSRANGE", first, last])).await?;
        }
        let (master, bus) = &servers[0];
        let port = master.port().to_string();
        for (server, _) in &servers[1..] {
            server.order(redis::cmd("CLUSTER").arg(&["MEET", "127.0.0.1", &port, bus])).await?;
        }
        for (server, _) in &servers {
            until(server, &["CLUSTER", "INFO"], "cluster_known_nodes:4").await?;
            until(server, &["CLUSTER", "INFO"], "cluster_slots_ok:16384").await?;
        }
        let id: String = redis::cmd("CLUSTER").arg("MYID").query_async(&mut master.connection().await?).await?;
        let (replica, _) = &servers[3];
        replica.order(redis::cmd("CLUSTER").arg(&["REPLICATE", &id])).await?;
        until(replica, &["INFO", "replication"], "master_link_status:up").await?;
        // A master that does not know the replica would not vote for it.
        for (server, _) in &servers {
            until(server, &["CLUSTER", "NODES"], "slave").await?;
        }
        let addresses: Vec<_> = servers.iter().map(|(server, _)| format!("127.0.0.1:{}", server.port())).collect();
        let url = format!("redis+cluster://{}", addresses.join(","));
        Ok(Self { servers: servers.into_iter().map(|(server, _)| server).collect(), url, _sentinels: Vec::new() })
    }

    /// The address for the nodes.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The only server, or the first of the masters.
    pub(super) fn first(&mut self) -> &mut Redis {
        &mut self.servers[0]
    }

    /// The server that takes over from the first.
    pub(super) fn replica(&self) -> Result<&Redis> {
        self.servers.last().filter(|_| self.servers.len() > 1).context("a single server has no replica")
    }

    /// Waits until the replica has become a master.
    pub(super) async fn failed_over(&self) -> Result<()> {
        until(self.replica()?, &["INFO", "replication"], "role:master").await
    }

    /// Those that are there and have keys of their own.
    pub(super) async fn masters(&self) -> Result<Vec<MultiplexedConnection>> {
        let mut masters = Vec::new();
        for server in &self.servers {
            let Ok(mut connection) = server.connection().await else { continue };
            let replication: String = redis::cmd("INFO").arg("replication").query_async(&mut connection).await?;
            if replication.contains("role:master") {
                masters.push(connection);
            }
        }
        ensure!(!masters.is_empty(), "no Redis answers");
        Ok(masters)
    }

    /// Stores sessions, each at the master whose it is.
    pub(super) async fn save(&self, keys: &[String], ttl: Duration) -> Result<()> {
        let ms = u64::try_from(ttl.as_millis())?;
        for mut master in self.masters().await? {
            for key in keys {
                let name = format!("{SESSION_KEY_PREFIX}{key}");
                match master.pset_ex::<_, _, ()>(name, "{\"name\":\"Errol\"}", ms).await {
                    Err(error) if error.kind() == MOVED => {}
                    saved => saved?,
                }
            }
        }
        Ok(())
    }

    /// How many commands the servers that are there have been sent to refresh sessions.
    pub(super) async fn refresh_commands(&self) -> Result<u64> {
        let mut commands = 0;
        for server in &self.servers {
            let Ok(calls) = server.calls().await else { continue };
            commands += REFRESHING.iter().filter_map(|name| calls.get(*name)).sum::<u64>();
        }
        Ok(commands)
    }
}

/// Waits until a server's answer has these words in it.
async fn until(server: &Redis, question: &[&str], words: &str) -> Result<()> {
    let command = redis::cmd(question[0]).arg(&question[1..]).to_owned();
    eventually(words, || async {
        let answer: String = command.query_async(&mut server.connection().await?).await?;
        Ok(answer.contains(words).then_some(()))
    })
    .await
}
