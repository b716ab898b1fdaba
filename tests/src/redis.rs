//! A Redis of the test's own.

use std::{cell::Cell, collections::BTreeMap, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sys::signal::Signal;
use redis::{AsyncCommands as _, AsyncConnectionConfig, aio::MultiplexedConnection};

use crate::{
    deadline::{PATIENCE, eventually, within},
    process::{Process, free_port},
};

pub(crate) const REMEDY: &str = "Install it with `apt-get install redis-server`.";

/// What a server puts before each session key unless told otherwise.
pub const SESSION_KEY_PREFIX: &str = "swampdragon:session:";

/// A `redis-server` with an empty database that is gone when this is dropped.
pub struct Redis {
    process: Process,
    port: u16,
    directory: tempfile::TempDir,
    arguments: Vec<String>,
}

/// A key's value as Redis serialises it, and its time to live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `DUMP`: type and content.
    pub content: Vec<u8>,
    /// Whether the key expires at all.
    pub expires: bool,
}

/// How long a key still has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// This long.
    Expires(Duration),
    /// For ever.
    Persistent,
    /// There is no such key.
    Gone,
}

impl Life {
    /// How long a key that is known to expire still has.
    ///
    /// # Errors
    /// When it does not expire, or has.
    pub fn left(self) -> Result<Duration> {
        match self {
            Self::Expires(left) => Ok(left),
            other => bail!("expected a key that expires, but it is {other:?}"),
        }
    }
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not come up.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// The same, but what it holds survives [`kill`](Self::kill) and [`restart`](Self::restart).
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not come up.
    pub async fn start_persistent() -> Result<Self> {
        // Written before it is acknowledged, if not to the disk: the process is killed, the machine is not.
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "no"]).await
    }

    /// The same as [`start`](Self::start), with arguments of its own.
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not come up.
    pub async fn start_with(arguments: &[&str]) -> Result<Self> {
        let arguments: Vec<String> = arguments.iter().copied().map(str::to_owned).collect();
        // Redis cannot choose a free port by itself, and between choosing one and starting, another may take it.
        for _ in 0..5 {
            let port = free_port()?;
            let directory = tempfile::tempdir()?;
            let process = launch(port, directory.path().to_owned(), &arguments)?;
            let mut redis = Self { process, port, directory, arguments: arguments.clone() };
            if redis.ready().await? {
                return Ok(redis);
            }
        }
        bail!("redis-server found no free port in five attempts")
    }

    /// Whether it came up; `false` when its port was taken.
    async fn ready(&mut self) -> Result<bool> {
        match self.process.line("that it is ready", |line| line.contains("Ready to accept connections").then_some(())) {
            Ok(()) => {}
            Err(_) if self.process.stdout().contains("Address already in use") => return Ok(false),
            Err(error) => return Err(error),
        }
        let pong = self.connection().await?.ping::<String>().await?;
        Ok(pong == "PONG")
    }

    /// Its address, for `--session-store`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection of the test's own.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn connection(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        // By default, half a second: a process that ends thousands of connections meanwhile may need longer to hear it.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        client.get_multiplexed_async_connection_with_config(&config).await.context("Redis does not answer")
    }

    /// Has it do something whose answer is of no interest.
    ///
    /// # Errors
    /// When Redis is not there, or refuses.
    pub async fn order(&self, command: &redis::Cmd) -> Result<()> {
        Ok(command.exec_async(&mut self.connection().await?).await?)
    }

    /// How often each command has been called since it started, by its name in lower case.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn calls(&self) -> Result<BTreeMap<String, u64>> {
        let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut self.connection().await?).await?;
        let calls = info.lines().filter_map(|line| {
            let (name, numbers) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), numbers.split(',').next()?.parse().ok()?))
        });
        Ok(calls.collect())
    }

    /// Ends it at once, as a crash would: what it held is lost, unless it is persistent.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Keeps it from doing anything until [`resume`](Self::resume), while its connections stand: SIGSTOP.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pause(&self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// Lets it go on after [`pause`](Self::pause).
    ///
    /// # Errors
    /// When it has ended.
    pub fn resume(&self) -> Result<()> {
        self.process.signal(Signal::SIGCONT)
    }

    /// Starts it again on its old port: empty, unless it is persistent.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.kill();
        self.process = launch(self.port, self.directory.path().to_owned(), &self.arguments)?;
        if self.ready().await? { Ok(()) } else { bail!("port {} of Redis was taken meanwhile", self.port) }
    }

    /// Loses all that it holds and starts again on its old port.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart_empty(&mut self) -> Result<()> {
        self.process.kill();
        for entry in std::fs::read_dir(self.directory.path())? {
            let path = entry?.path();
            if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
        }
        self.restart().await
    }

    /// Stores a session as another program would: a value under the server's prefix, with a time to live.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn store_session(&self, key: &str, ttl: Duration) -> Result<()> {
        let ms = u64::try_from(ttl.as_millis())?;
        let name = format!("{SESSION_KEY_PREFIX}{key}");
        Ok(self.connection().await?.pset_ex::<_, _, ()>(name, "{\"name\":\"Errol\"}", ms).await?)
    }

    /// Stores many sessions in one go.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn store_sessions(&self, keys: &[String], ttl: Duration) -> Result<()> {
        let ms = u64::try_from(ttl.as_millis())?;
        let mut storing = redis::pipe();
        for key in keys {
            storing.pset_ex(format!("{SESSION_KEY_PREFIX}{key}"), "{\"name\":\"Errol\"}", ms).ignore();
        }
        Ok(storing.exec_async(&mut self.connection().await?).await?)
    }

    /// Removes a session as a backend does when its visitor logs out.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn log_out(&self, key: &str) -> Result<()> {
        Ok(self.connection().await?.del::<_, ()>(format!("{SESSION_KEY_PREFIX}{key}")).await?)
    }

    /// How long the session `key` still has, asked from Redis itself.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn session_life(&self, key: &str) -> Result<Life> {
        self.life(&format!("{SESSION_KEY_PREFIX}{key}")).await
    }

    /// How long any key still has.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn life(&self, name: &str) -> Result<Life> {
        Ok(match self.connection().await?.pttl::<_, i64>(name).await? {
            -2 => Life::Gone,
            -1 => Life::Persistent,
            ms => Life::Expires(Duration::from_millis(u64::try_from(ms)?)),
        })
    }

    /// Waits until the session is refreshed from now on: its remaining time rises.
    ///
    /// # Errors
    /// When it expires or never rises.
    pub async fn refreshed(&self, key: &str) -> Result<Duration> {
        self.key_refreshed(&format!("{SESSION_KEY_PREFIX}{key}")).await
    }

    /// The same of any key.
    ///
    /// # Errors
    /// When it expires or never rises.
    pub async fn key_refreshed(&self, name: &str) -> Result<Duration> {
        let mut least = self.life(name).await?.left()?;
        loop {
            let left = eventually("the session has been refreshed", || async {
                let left = self.life(name).await?.left()?;
                Ok((left != least).then_some(left))
            })
            .await?;
            if left > least {
                return Ok(left);
            }
            least = left;
        }
    }

    /// Waits until the session is gone, and sees to it that its time only falls until then.
    ///
    /// # Errors
    /// When it is refreshed on the way, or stays.
    pub async fn expires_unrefreshed(&self, key: &str) -> Result<()> {
        self.key_expires_unrefreshed(&format!("{SESSION_KEY_PREFIX}{key}")).await
    }

    /// The same of any key.
    ///
    /// # Errors
    /// When it is refreshed on the way, or stays.
    pub async fn key_expires_unrefreshed(&self, name: &str) -> Result<()> {
        let least = Cell::new(Duration::MAX);
        within(Duration::from_secs(30), "the session has expired", || async {
            match self.life(name).await? {
                Life::Gone => Ok(Some(Ok(()))),
                Life::Expires(left) if left <= least.get() => {
                    least.set(left);
                    Ok(None)
                }
                // An answer, for an error of the attempt itself would only be tried again.
                life => Ok(Some(Err(anyhow!("the session was refreshed: from {:?} to {life:?}", least.get())))),
            }
        })
        .await?
    }

    /// All keys with what they hold.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn snapshot(&self) -> Result<BTreeMap<String, Entry>> {
        let mut connection = self.connection().await?;
        let mut all = BTreeMap::new();
        for name in connection.keys::<_, Vec<String>>("*").await? {
            let content = redis::cmd("DUMP").arg(&name).query_async(&mut connection).await?;
            let expires = connection.pttl::<_, i64>(&name).await? >= 0;
            all.insert(name, Entry { content, expires });
        }
        Ok(all)
    }
}

fn launch(port: u16, directory: PathBuf, arguments: &[String]) -> Result<Process> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(directory).args(arguments);
    Process::start(command, REMEDY)
}
