mod address;
mod backoff;
mod cluster;
mod count;
mod error;
mod link;
mod max_age;
mod refresh;
mod sentinels;
mod source;
mod start;
mod tls;

use std::{fmt, time::Duration};

use ::redis::{Cmd, FromRedisValue, RedisResult, RedisWrite, ToRedisArgs, Value};
use async_trait::async_trait;
use swampdragon_protocol::SessionKey;

pub(crate) use self::{
    address::{FORMS, Servers, is_redis, parse as parse_address},
    backoff::Backoff,
    error::is_unavailable,
    link::Link,
    start::wait_for,
};
use self::{cluster::Cluster, error::store_error, max_age::MaxAge, refresh::Refresh};
use super::{Lifetime, Refreshed, SessionStore, SessionStoreError, SessionStoreOptions};
use crate::session_layout::{KeyTemplate, RedisLayout};

pub use self::{error::ConnectRedisError, refresh::RefreshCommand, tls::RedisTls};

/// Keeps sessions in Redis (or Valkey), where other programs find them: the value of a session is a string under
/// the [key prefix](SessionStoreOptions::key_prefix) and the session key. With a [layout](SessionStoreOptions::layout)
/// they are another program's sessions instead, which this store refreshes as that program would; it cannot save any.
///
/// No command names a key outside the prefix or the layout. A refresh lengthens a TTL that exists and does nothing else: a key
/// without a TTL keeps having none, one that lives longer than the store's TTL keeps its time, and one that does not
/// exist is not made. It works on keys of any type, so that hashes which a web framework keeps as sessions can be
/// refreshed.
///
/// One connection to each server is shared by all requests and made anew when it is lost; a request that cannot be
/// answered meanwhile fails with an error that [is "unavailable"](SessionStoreError::is_unavailable).
pub struct RedisSessionStore {
    nodes: Nodes,
    refresh: Refresh,
    max_age: Option<MaxAge>,
    /// They are another program's.
    foreign: bool,
    /// What stands before our own sessions' keys.
    key_prefix: String,
}

enum Nodes {
    /// One server has all keys.
    One(Box<Link>),
    /// Each key is on one of several.
    Cluster(Box<Cluster>),
}

impl RedisSessionStore {
    /// Connects to the server or servers at `address`:
    ///
    /// - `redis://[USER][:PASSWORD]@HOST[:PORT][/DB]`, and the same with `rediss` by TLS
    /// - `redis+unix:///PATH[?db=DB&user=USER&pass=PASSWORD]`, a Unix socket
    /// - `redis+sentinel://[USER][:PASSWORD]@HOST[:PORT],HOST[:PORT]/MASTER[/DB]`, whichever server these sentinels
    ///   call the master of that name. User and password are the master's; the sentinels' own are in
    ///   `?sentinel_user=USER&sentinel_pass=PASSWORD`. With `rediss+sentinel`, all connections are by TLS.
    /// - `redis+cluster://[USER][:PASSWORD]@HOST[:PORT],HOST[:PORT]`, a Redis Cluster of which some nodes are named;
    ///   `rediss+cluster` by TLS
    ///
    /// Ports are 6379 and those of sentinels 26379, the database 0, unless given. Waits for servers that do not answer
    /// for up to [`start_wait`](SessionStoreOptions::start_wait).
    ///
    /// # Errors
    /// The address is wrong, nobody answers there, or the server is not fit to be a session store. The error tells
    /// which server, and never a password.
    pub async fn connect(address: &str, options: &SessionStoreOptions) -> Result<Self, ConnectRedisError> {
        Self::open(address, options, None).await
    }

    /// [Connects](Self::connect), and refreshes by the command given instead of finding out what each server can.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_refresh_command(
        address: &str,
        options: &SessionStoreOptions,
        refresh: RefreshCommand,
    ) -> Result<Self, ConnectRedisError> {
        Self::open(address, options, Some(refresh)).await
    }

    async fn open(
        address: &str,
        options: &SessionStoreOptions,
        forced: Option<RefreshCommand>,
    ) -> Result<Self, ConnectRedisError> {
        let servers = address::parse(address, &options.redis_tls)?;
        let described = servers.describe();
        let nodes = match servers {
            Servers::Cluster { seeds, login } => Nodes::Cluster(Box::new(Cluster::new(seeds, *login, options))),
            one @ (Servers::One(_) | Servers::Sentinels(_)) => Nodes::One(Box::new(Link::open(one, options))),
        };
        let ttl_ms = u64::try_from(options.ttl.as_millis()).unwrap_or(u64::MAX);
        let max_age = MaxAge::of(options, forced == Some(RefreshCommand::Script));
        let foreign = options.layout.is_some();
        let layout = options.layout.clone().unwrap_or_else(|| RedisLayout::behind(&options.key_prefix));
        let store = Self {
            nodes,
            max_age,
            foreign,
            key_prefix: options.key_prefix.clone(),
            refresh: Refresh::new(layout, ttl_ms, forced),
        };
        let checked = wait_for(&described, options.start_wait, || store.check()).await;
        checked.map_err(|error| ConnectRedisError::new(described, error))?;
        Ok(store)
    }

    async fn check(&self) -> RedisResult<()> {
        match &self.nodes {
            Nodes::One(link) => self.refresh.check(link).await,
            Nodes::Cluster(cluster) => cluster.check(&self.refresh).await,
        }
    }

    /// Asks something about `key`. `command` has its name; the key and `arguments` follow.
    async fn ask<T: FromRedisValue>(
        &self,
        command: &str,
        key: &RedisKey<'_>,
        arguments: impl FnOnce(&mut Cmd),
    ) -> RedisResult<T> {
        let mut command = ::redis::cmd(command);
        command.arg(key);
        arguments(&mut command);
        self.ask_command(key, &command).await
    }

    /// Asks whoever has `key`.
    async fn ask_command<T: FromRedisValue>(&self, key: &RedisKey<'_>, command: &Cmd) -> RedisResult<T> {
        let answer: Value = match &self.nodes {
            Nodes::One(link) => link.ask(command).await?,
            Nodes::Cluster(cluster) => cluster.ask(key, command).await?,
        };
        Ok(::redis::from_redis_value(answer)?)
    }

    async fn refresh_all(&self, keys: &[SessionKey]) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        if let Some(max_age) = &self.max_age {
            return Ok(max_age.refresh(self, keys).await);
        }
        let keys: Vec<_> = keys.iter().map(|key| self.refresh.key(key)).collect();
        match &self.nodes {
            Nodes::One(link) => self.refresh.on(link, &keys).await,
            Nodes::Cluster(cluster) => cluster.refresh(&self.refresh, &keys).await,
        }
    }
}

#[async_trait]
impl SessionStore for RedisSessionStore {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        if self.foreign {
            return Err(SessionStoreError::forbidden("the app makes its sessions itself (session_layout)"));
        }
        if let Some(max_age) = &self.max_age {
            return max_age.save(self, key, value).await.map_err(store_error);
        }
        let key = self.refresh.key(key);
        let saved = self.ask("SET", &key, |command| {
            command.arg(value).arg("PX").arg(self.refresh.ttl_ms);
        });
        saved.await.map_err(store_error)
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        self.ask("GET", &self.refresh.key(key), |_| ()).await.map_err(store_error)
    }

    async fn refresh_key_timeout(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        let refreshed = self.refresh_key_timeouts(std::slice::from_ref(key)).await?;
        refreshed.into_iter().next().expect("there is one answer a key")
    }

    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
        let refreshed = self.refresh_all(keys).await.map_err(store_error)?;
        Ok(refreshed.into_iter().map(|refreshed| refreshed.map_err(store_error)).collect())
    }

    async fn lifetime(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        self.ask("PTTL", &self.refresh.key(key), |_| ()).await.map(refresh::lifetime).map_err(store_error)
    }

    async fn ping(&self) -> Result<(), SessionStoreError> {
        let command = ::redis::cmd("PING");
        let answer = match &self.nodes {
            Nodes::One(link) => link.ask(&command).await.map(drop),
            Nodes::Cluster(cluster) => cluster.ask_any(&command).await.map(drop),
        };
        answer.map_err(store_error)
    }

    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let deleted = self.ask("DEL", &self.refresh.key(key), |_| ()).await.map_err(store_error)?;
        if let Some(max_age) = &self.max_age {
            // Afterwards: the session never stands alone.
            max_age.forget(self, key).await.map_err(store_error)?;
        }
        Ok(deleted)
    }

    async fn count(&self, prefix: &str) -> Result<u64, SessionStoreError> {
        if self.foreign {
            return Err(SessionStoreError::not_supported("count"));
        }
        let question = count::Question { key_prefix: &self.key_prefix, prefix };
        let counted = match &self.nodes {
            Nodes::One(link) => question.ask(link).await,
            Nodes::Cluster(cluster) => cluster.count(&question).await,
        };
        counted.map_err(store_error)
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age.as_ref().map(MaxAge::duration)
    }
}

impl fmt::Debug for RedisSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: &dyn fmt::Debug = match &self.nodes {
            Nodes::One(link) => link,
            Nodes::Cluster(cluster) => cluster,
        };
        f.debug_struct("RedisSessionStore")
            .field("nodes", nodes)
            .field("refresh", &format_args!("{}", self.refresh))
            .finish()
    }
}

/// A key as Redis knows it. Written straight into the command, without a string in between.
#[derive(Clone, Copy)]
struct RedisKey<'a> {
    template: &'a KeyTemplate,
    /// The session's, or what no session is called.
    id: &'a str,
}

impl RedisKey<'_> {
    fn to_bytes(self) -> Vec<u8> {
        let mut key = Vec::new();
        self.template.write(self.id, &mut key).expect("memory takes everything");
        key
    }
}

impl ToRedisArgs for RedisKey<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        self.template.write(self.id, &mut out.writer_for_next_arg()).expect("a command is written to memory");
    }
}
