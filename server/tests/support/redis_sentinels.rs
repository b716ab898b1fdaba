//! A Redis master, its replica, and three sentinels that watch over them.

#![allow(dead_code, reason = "each test crate that has this module uses a part of it")]

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{RedisResult, Value};

use crate::redis_server::{RedisServer, free_port};

/// What the sentinels call the master.
pub(crate) const MASTER: &str = "sessions";

pub(crate) const PASSWORD: &str = "master's";
pub(crate) const SENTINEL_PASSWORD: &str = "sentinels'";

/// The sentinels notice a silent master after half a second, and two of them make its replica the master.
pub(crate) struct Sentinels {
    pub(crate) servers: [RedisServer; 2],
    sentinels: Vec<Sentinel>,
}

struct Sentinel {
    port: u16,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Sentinels {
    /// Starts all and waits until they know each other.
    pub(crate) async fn start() -> Self {
        let login =
            ["--port", "PORT", "--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"];
        let master = RedisServer::on_port(&login);
        let port = master.port().to_string();
        let replica = RedisServer::on_port(&[&login[..], &["--replicaof", "127.0.0.1", &port]].concat());
        let sentinels = (0..3).map(|_| Sentinel::start(master.port())).collect();
        let started = Self { servers: [master, replica], sentinels };
        started
            .until("the replica follows", async || {
                let replication: String = command(started.servers[1].port(), PASSWORD, "INFO replication").await?;
                Ok(replication.contains("master_link_status:up"))
            })
            .await;
        for sentinel in &started.sentinels {
            started
                .until("each sentinel knows the others and the replica", async || {
                    let about: Vec<Value> =
                        command(sentinel.port, SENTINEL_PASSWORD, &format!("SENTINEL REPLICAS {MASTER}")).await?;
                    let quorum: String =
                        command(sentinel.port, SENTINEL_PASSWORD, &format!("SENTINEL CKQUORUM {MASTER}")).await?;
                    Ok(about.len() == 1 && quorum.starts_with("OK 3"))
                })
                .await;
        }
        started
    }

    /// The address for a session store. The first of the sentinels in it is not there.
    pub(crate) fn url(&self) -> String {
        let sentinels: Vec<_> = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis+sentinel://:master%27s@127.0.0.1:1,{}/{MASTER}?sentinel_pass=sentinels%27", sentinels.join(","))
    }

    /// Waits until the sentinels call this server the master, and it thinks so, too.
    pub(crate) async fn until_master(&self, port: u16) {
        for sentinel in &self.sentinels {
            self.until("the sentinels agree on the master", async || {
                let question = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {MASTER}");
                let (_, named): (String, u16) = command(sentinel.port, SENTINEL_PASSWORD, &question).await?;
                Ok(named == port)
            })
            .await;
        }
        self.until("it is the master", async || Ok(role(port).await? == "master")).await;
    }

    /// Waits until this server is a replica that has everything.
    pub(crate) async fn until_replica(&self, port: u16) {
        self.until("it is a replica", async || {
            let replication: String = command(port, PASSWORD, "INFO replication").await?;
            Ok(replication.contains("role:slave") && replication.contains("master_link_status:up"))
        })
        .await;
    }

    /// Waits until the replica has all that this server has now.
    pub(crate) async fn until_replicated(&self, port: u16) {
        self.until("the offsets are the same", async || {
            let replication: String = command(port, PASSWORD, "INFO replication").await?;
            let value = |name: &str| replication.split(name).nth(1).and_then(|rest| rest.split([',', '\r']).next());
            Ok(value("offset=").is_some() && value("offset=") == value("master_repl_offset:"))
        })
        .await;
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> RedisResult<bool>) {
        for _ in 0..1500 {
            if holds().await.unwrap_or(false) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not within 30 s: {what}");
    }
}

async fn role(port: u16) -> RedisResult<String> {
    let answer: Vec<Value> = command(port, PASSWORD, "ROLE").await?;
    Ok(redis::from_redis_value(answer.into_iter().next().unwrap())?)
}

/// Asks a server on this machine something in words.
pub(crate) async fn command<T: redis::FromRedisValue>(port: u16, password: &str, words: &str) -> RedisResult<T> {
    let login = redis::RedisConnectionInfo::default().set_password(password);
    let at = redis::ConnectionAddr::Tcp("127.0.0.1".to_owned(), port);
    let info = redis::IntoConnectionInfo::into_connection_info(at)?.set_redis_settings(login);
    let mut connection = redis::Client::open(info)?.get_multiplexed_async_connection().await?;
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>());
    command.query_async(&mut connection).await
}

impl Sentinel {
    fn start(master: u16) -> Self {
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let (port, file) = (free_port(), folder.path().join("sentinel.conf"));
            // They write into the file what they learn.
            let settings = format!(
                "port {port}\ndir {}\nloglevel warning\nrequirepass \"{SENTINEL_PASSWORD}\"\n\
                 sentinel sentinel-pass \"{SENTINEL_PASSWORD}\"\n\
                 sentinel monitor {MASTER} 127.0.0.1 {master} 2\nsentinel auth-pass {MASTER} \"{PASSWORD}\"\n\
                 sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 1000\n",
                folder.path().display()
            );
            fs::write(&file, settings).expect("the folder is ours");
            let mut process = Command::new("redis-server")
                .arg(&file)
                .arg("--sentinel")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server is installed: another one has been started");
            std::thread::sleep(Duration::from_millis(50));
            if matches!(process.try_wait(), Ok(None)) {
                return Self { port, process, _folder: folder };
            }
        }
        panic!("no sentinel found a free port in ten attempts")
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
