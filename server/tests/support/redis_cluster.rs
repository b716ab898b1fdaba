//! A Redis Cluster on this machine.

#![allow(dead_code, reason = "each test crate that has this module uses a part of it")]

use std::{collections::BTreeSet, time::Duration};

use redis::{FromRedisValue, RedisResult, aio::MultiplexedConnection};

use crate::redis_server::RedisServer;

const SLOTS: u16 = 16384;
const MASTERS: u16 = 3;

/// Three masters, and replicas if there are more nodes. A node that is silent for a second has failed.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<RedisServer>,
    pub(crate) direct: Vec<MultiplexedConnection>,
}

impl Cluster {
    /// Starts this many nodes and waits until they agree. The fourth is a replica of the first.
    pub(crate) async fn start(nodes: usize) -> Self {
        let arguments = [
            "--port",
            "PORT",
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            "PORT2",
            "--cluster-node-timeout",
            "1000",
            "--cluster-require-full-coverage",
            "no",
            "--repl-diskless-sync-delay",
            "0",
        ];
        let nodes: Vec<_> = (0..nodes).map(|_| RedisServer::on_port(&arguments)).collect();
        let mut direct = Vec::new();
        for node in &nodes {
            direct.push(redis::Client::open(node.url()).unwrap().get_multiplexed_async_connection().await.unwrap());
        }
        let cluster = Self { nodes, direct };
        let first = cluster.node(0).await;
        for index in 0..cluster.nodes.len() {
            let epoch = (index + 1).to_string();
            let () = cluster.ask(index, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await.unwrap();
            if let Ok(master) = u16::try_from(index)
                && master < MASTERS
            {
                let share = SLOTS / MASTERS;
                let last = if master + 1 == MASTERS { SLOTS - 1 } else { (master + 1) * share - 1 };
                let range = [(master * share).to_string(), last.to_string()];
                let () = cluster.ask(index, &["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]).await.unwrap();
            }
            let (port, bus) = (first.1.to_string(), first.2.to_string());
            if index > 0 {
                let () = cluster.ask(index, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await.unwrap();
            }
        }
        for index in 0..cluster.nodes.len() {
            cluster
                .until(index, "the nodes know each other", |info| {
                    info.contains("cluster_state:ok")
                        && info.contains(&format!("cluster_known_nodes:{}", cluster.nodes.len()))
                        && info.contains("cluster_slots_ok:16384")
                })
                .await;
        }
        for replica in usize::from(MASTERS)..cluster.nodes.len() {
            let () = cluster.ask(replica, &["CLUSTER", "REPLICATE", &first.0]).await.unwrap();
            cluster
                .until_asked(replica, &["INFO", "replication"], "the replica follows", |info| {
                    info.contains("master_link_status:up")
                })
                .await;
            // A master that does not know of its replica's slots yet would be failed over to by nobody.
            cluster
                .until_asked(1, &["CLUSTER", "NODES"], "all know of the replica", |nodes| nodes.contains("slave"))
                .await;
        }
        cluster
    }

    /// The address for a session store: two of the nodes, which tell of the others, and one that is not there.
    pub(crate) fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:1,127.0.0.1:{},127.0.0.1:{}", self.nodes[1].port(), self.nodes[2].port())
    }

    /// The connections to the masters.
    pub(crate) fn masters(&self) -> Vec<MultiplexedConnection> {
        self.direct[..usize::from(MASTERS)].to_vec()
    }

    /// Asks a node, wherever the keys are.
    pub(crate) async fn ask<T: FromRedisValue>(&self, node: usize, command: &[&str]) -> RedisResult<T> {
        redis::cmd(command[0]).arg(&command[1..]).query_async(&mut self.direct[node].clone()).await
    }

    /// The name of a node, its port, and the port of its bus.
    pub(crate) async fn node(&self, node: usize) -> (String, u16, u16) {
        let nodes: String = self.ask(node, &["CLUSTER", "NODES"]).await.unwrap();
        let line = nodes.lines().find(|line| line.contains("myself")).unwrap();
        let mut words = line.split(' ');
        let (id, address) = (words.next().unwrap().to_owned(), words.next().unwrap());
        let (port, bus) = address.split(',').next().unwrap().rsplit_once(':').unwrap().1.split_once('@').unwrap();
        (id, port.parse().unwrap(), bus.parse().unwrap())
    }

    /// Which of the masters has a key of this name.
    pub(crate) async fn owner(&self, key: &str) -> usize {
        for node in 0..usize::from(MASTERS) {
            let keys: Result<i64, _> = self.ask(node, &["EXISTS", key]).await;
            if keys.is_ok() {
                return node;
            }
        }
        panic!("no master has {key}");
    }

    /// Waits until a node says so of the cluster.
    pub(crate) async fn until(&self, node: usize, what: &str, holds: impl Fn(&str) -> bool) {
        self.until_asked(node, &["CLUSTER", "INFO"], what, holds).await;
    }

    async fn until_asked(&self, node: usize, command: &[&str], what: &str, holds: impl Fn(&str) -> bool) {
        for _ in 0..1500 {
            if self.ask::<String>(node, command).await.is_ok_and(|answer| holds(&answer)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not within 30 s: {what}");
    }

    /// The nodes that have some of these keys.
    pub(crate) async fn owners(&self, keys: &[String]) -> BTreeSet<usize> {
        let mut owners = BTreeSet::new();
        for key in keys {
            owners.insert(self.owner(key).await);
        }
        owners
    }
}
